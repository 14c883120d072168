//! How soon rows were acknowledged, from the times in a journal.

use std::collections::BTreeMap;
use std::path::Path;

use super::audit::BootKey;
use super::journal::{self, JournalError, Line};
use crate::domain::ids::DeviceId;

/// The acknowledgements of a journal that has times.
#[derive(Debug, Default)]
pub struct Timing {
    /// Of each batch, by number of its last row: when it was made, µs.
    made: BTreeMap<BootKey, BTreeMap<i64, i64>>,
    /// When batches were made and acknowledged, µs; in the order of the journal.
    acks: Vec<(i64, i64)>,
    /// The same acknowledgements by device.
    of_device: BTreeMap<DeviceId, Vec<i64>>,
}

impl Timing {
    /// Reads a journal.
    ///
    /// # Errors
    /// When it cannot be read or a line is not of a journal.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let mut timing = Self::default();
        journal::read(path, |line| {
            timing.take(line);
            Ok(())
        })?;
        Ok(timing)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Created { device, boot, seq, hashes, at_us: Some(at_us) } => {
                let last = seq + i64::try_from(hashes.len()).unwrap_or(0) - 1;
                self.made.entry((device, boot)).or_default().insert(last, at_us);
            }
            Line::Acked { device, boot, first, last, at_us: Some(at_us) } => {
                let Some(of_boot) = self.made.get_mut(&(device.clone(), boot)) else { return };
                let done: Vec<(i64, i64)> = of_boot.range(first..=last).map(|(seq, made)| (*seq, *made)).collect();
                for (seq, made_us) in done {
                    // Clumsy devices acknowledge pieces, and some twice: the first time counts.
                    of_boot.remove(&seq);
                    self.acks.push((made_us, at_us));
                    self.of_device.entry(device.clone()).or_default().push(at_us);
                }
            }
            Line::Created { .. } | Line::Acked { .. } => {}
        }
    }

    /// The first acknowledgement at or after a time, µs.
    #[must_use]
    pub fn first_ack_after(&self, at_us: i64) -> Option<i64> {
        self.acks.iter().map(|(_, acked_us)| *acked_us).filter(|acked_us| *acked_us >= at_us).min()
    }

    /// When every device had been acknowledged something at or after a time, µs; `None` when one never was.
    #[must_use]
    pub fn all_acked_after(&self, at_us: i64) -> Option<i64> {
        let first = |acks: &Vec<i64>| acks.iter().copied().filter(|acked_us| *acked_us >= at_us).min();
        self.of_device.values().map(first).try_fold(at_us, |last, first| first.map(|first| last.max(first)))
    }

    /// Devices that were acknowledged anything.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.of_device.len()
    }

    /// Acknowledgements in a stretch of time, µs, begin included.
    #[must_use]
    pub fn acks_between(&self, from_us: i64, to_us: i64) -> usize {
        self.acks.iter().filter(|(_, acked_us)| (from_us..to_us).contains(acked_us)).count()
    }

    /// How long the batches made in a stretch of time waited for their acknowledgement, µs, the shortest first.
    #[must_use]
    pub fn waits_us(&self, from_us: i64, to_us: i64) -> Vec<i64> {
        let made = self.acks.iter().filter(|(made_us, _)| (from_us..to_us).contains(made_us));
        let mut waits: Vec<i64> = made.map(|(made_us, acked_us)| acked_us - made_us).collect();
        waits.sort_unstable();
        waits
    }
}

/// The value below which a share of sorted values lies; `None` of none.
#[must_use]
pub fn quantile(sorted: &[i64], share: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the slice")]
    let index = (sorted.len().saturating_sub(1) as f64 * share).ceil() as usize;
    sorted.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_acknowledged_once_and_its_wait_counts_from_when_it_was_made() {
        let mut timing = Timing::default();
        let device = || "probe-1".parse().unwrap();
        for (seq, made_us) in [(0, 100), (10, 200), (20, 300)] {
            timing.take(Line::Created { device: device(), boot: 1, seq, hashes: vec![0; 10], at_us: Some(made_us) });
        }
        timing.take(Line::Acked { device: device(), boot: 1, first: 0, last: 19, at_us: Some(1_000) });
        timing.take(Line::Acked { device: device(), boot: 1, first: 0, last: 29, at_us: Some(2_000) });
        assert_eq!(timing.waits_us(0, 1_000), [800, 900, 1_700]);
        assert_eq!(timing.waits_us(200, 300), [800]);
        assert_eq!((timing.first_ack_after(1_001), timing.acks_between(0, 2_000)), (Some(2_000), 2));
        assert_eq!((timing.all_acked_after(1_001), timing.all_acked_after(2_001)), (Some(2_000), None));
        assert_eq!(quantile(&timing.waits_us(0, 1_000), 0.5), Some(900));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
