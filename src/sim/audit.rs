//! Compares what simulated devices measured (their journal) with what a database holds.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::batch::row_hashes;
use super::journal::{self, JournalError, Line};
use crate::domain::ids::DeviceId;
use crate::domain::sample::Batch;

/// Most differences described in words; all are counted.
pub const EXAMPLES_MAX: usize = 10;

const ACKED: u8 = 1;
const STORED: u8 = 2;

/// One start of one device.
pub type BootKey = (DeviceId, u32);

/// What differs between journal and database. All zero is the only good result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Rows measured.
    pub created: u64,
    /// Rows measured but not stored.
    pub missing: u64,
    /// Rows stored more than once.
    pub duplicate: u64,
    /// Rows stored with another content than measured, or behind the last one measured in a boot of the journal.
    pub altered: u64,
    /// Rows acknowledged but not stored: the promise broken.
    pub acked_missing: u64,
    /// Rows of boots that the journal does not know: of other runs, or forged where there were none. Says nothing against
    /// the rows of the journal.
    pub other_boots: u64,
    /// The first few differences in words.
    pub examples: Vec<String>,
}

impl Verdict {
    /// Whether the database holds exactly what was measured.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing + self.duplicate + self.altered + self.acked_missing == 0
    }
}

#[derive(Debug, Default)]
struct BootRows {
    hashes: Vec<u64>,
    flags: Vec<u8>,
}

/// A journal in memory: 9 bytes per row.
#[derive(Debug, Default)]
pub struct Audit {
    boots: BTreeMap<BootKey, BootRows>,
    verdict: Verdict,
}

impl Audit {
    /// Reads a journal.
    ///
    /// # Errors
    /// When it cannot be read, or a line is not of a journal or contradicts an earlier one.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let mut audit = Self::default();
        journal::read(path, |line| audit.take(line))?;
        Ok(audit)
    }

    /// Takes one line of a journal into account.
    ///
    /// # Errors
    /// In words, when rows were created out of order or acknowledged before they were created.
    pub fn take(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Created { device, boot, seq, hashes, .. } => {
                let rows = self.boots.entry((device, boot)).or_default();
                if usize::try_from(seq) != Ok(rows.hashes.len()) {
                    return Err(format!("row {seq} created where row {} is next", rows.hashes.len()));
                }
                self.verdict.created += hashes.len() as u64;
                rows.hashes.extend(hashes);
                rows.flags.resize(rows.hashes.len(), 0);
            }
            Line::Acked { device, boot, first, last, .. } => {
                let rows = self.boots.get_mut(&(device, boot)).map(|rows| &mut rows.flags[..]).unwrap_or_default();
                let range = usize::try_from(first).ok().zip(usize::try_from(last).ok());
                let acked = range.and_then(|(first, last)| rows.get_mut(first..=last));
                let acked = acked.ok_or_else(|| format!("rows {first} to {last} acknowledged but not created"))?;
                acked.iter_mut().for_each(|flags| *flags |= ACKED);
            }
        }
        Ok(())
    }

    /// Every start of every device in the journal.
    #[must_use]
    pub fn boots(&self) -> Vec<BootKey> {
        self.boots.keys().cloned().collect()
    }

    /// Checks one block of stored rows, of any size; blocks may come in any order.
    pub fn check(&mut self, device: &DeviceId, stored: &Batch) {
        let Some(rows) = self.boots.get_mut(&(device.clone(), stored.boot)) else {
            self.verdict.other_boots += stored.rows() as u64;
            return;
        };
        for (offset, hash) in (0..).zip(row_hashes(stored)) {
            let seq = stored.seq + offset;
            let index = usize::try_from(seq).ok().filter(|index| *index < rows.hashes.len());
            let problem = match index {
                None => {
                    self.verdict.altered += 1;
                    "stored but never measured"
                }
                Some(index) if rows.flags[index] & STORED != 0 => {
                    self.verdict.duplicate += 1;
                    "stored twice"
                }
                Some(index) => {
                    rows.flags[index] |= STORED;
                    if rows.hashes[index] == hash {
                        continue;
                    }
                    self.verdict.altered += 1;
                    "altered"
                }
            };
            note(&mut self.verdict.examples, device, stored.boot, seq, problem);
        }
    }

    /// The result, once every stored block was checked.
    #[must_use]
    pub fn verdict(mut self) -> Verdict {
        for ((device, boot), rows) in &self.boots {
            for (seq, flags) in (0..).zip(&rows.flags) {
                if flags & STORED == 0 {
                    self.verdict.missing += 1;
                    let was_acked = flags & ACKED != 0;
                    self.verdict.acked_missing += u64::from(was_acked);
                    let problem = if was_acked { "acknowledged but missing" } else { "missing" };
                    note(&mut self.verdict.examples, device, *boot, seq, problem);
                }
            }
        }
        self.verdict
    }
}

fn note(examples: &mut Vec<String>, device: &DeviceId, boot: u32, seq: i64, problem: &str) {
    if examples.len() < EXAMPLES_MAX {
        examples.push(format!("{device} boot {boot} row {seq}: {problem}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::BatteryId;
    use crate::domain::sample::{Column, Subject, TimeBase};

    fn device() -> DeviceId {
        "probe-1".parse().unwrap()
    }

    /// Ten rows, 0 to 9, of boot 5.
    fn measured() -> Batch {
        Batch {
            boot: 5,
            seq: 0,
            subject: Subject::Battery(BatteryId(1)),
            base: TimeBase::Utc,
            times_us: (0..10).collect(),
            columns: vec![Column {
                name: "voltage_v".into(),
                values: (0..10).map(f64::from).collect(),
                nulls: vec![3],
            }],
        }
    }

    /// The verdict after rows 0 to `acked` were acknowledged and `stored` was found.
    fn verdict(acked: i64, stored: &[Batch]) -> Verdict {
        let mut audit = Audit::default();
        for part in [measured().slice(0, 6), measured().slice(6, 10)] {
            let hashes = row_hashes(&part);
            audit.take(Line::Created { device: device(), boot: 5, seq: part.seq, hashes, at_us: None }).unwrap();
        }
        audit.take(Line::Acked { device: device(), boot: 5, first: 0, last: acked, at_us: None }).unwrap();
        stored.iter().for_each(|block| audit.check(&device(), block));
        audit.verdict()
    }

    fn counts(verdict: &Verdict) -> [u64; 4] {
        [verdict.missing, verdict.duplicate, verdict.altered, verdict.acked_missing]
    }

    #[test]
    fn everything_stored_once_is_clean_however_it_was_cut() {
        let result = verdict(9, &[measured().slice(4, 10), measured().slice(0, 4)]);
        assert!(result.is_clean() && result.created == 10, "{result:?}");
    }

    #[test]
    fn missing_rows_count_twice_only_if_they_were_acknowledged() {
        let result = verdict(4, &[measured().slice(0, 3), measured().slice(7, 10)]);
        // Rows 3 to 6 are gone, of which 3 and 4 were acknowledged.
        assert_eq!(counts(&result), [4, 0, 0, 2]);
        assert_eq!(result.examples[0], "probe-1 boot 5 row 3: acknowledged but missing");
    }

    #[test]
    fn rows_stored_twice_are_duplicates() {
        assert_eq!(counts(&verdict(9, &[measured(), measured().slice(8, 10)])), [0, 2, 0, 0]);
    }

    #[test]
    fn changed_and_invented_rows_are_altered() {
        let mut changed = measured();
        changed.columns[0].values[2] += 1e-12;
        let invented = Batch { seq: 10, ..measured().slice(0, 1) };
        let other_boot = Batch { boot: 6, ..measured().slice(0, 1) };
        let result = verdict(9, &[changed, invented, other_boot]);
        assert_eq!((counts(&result), result.other_boots), ([0, 0, 2, 0], 1));
    }

    #[test]
    fn a_journal_that_contradicts_itself_is_refused() {
        let mut audit = Audit::default();
        let gap = Line::Created { device: device(), boot: 5, seq: 1, hashes: vec![1], at_us: None };
        assert!(audit.take(gap).is_err());
        assert!(audit.take(Line::Acked { device: device(), boot: 5, first: 0, last: 0, at_us: None }).is_err());
    }
}
