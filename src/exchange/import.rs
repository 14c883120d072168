//! A file of a finished experiment, read twice: once to see what it is and that all of it can be read, once to store it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::battery::{BatteryFacts, Technology};
use crate::domain::ids::{BatteryId, ExperimentId, ProfileId};
use crate::domain::sample::{BATCH_COLUMNS_MAX, BATCH_ROWS_MAX};
use crate::domain::text::line;
use crate::import::{self, Evidence, FILE_BYTES_MAX, Fault, Format, Head, Plan, Rows, Witness};
use crate::store::imports::{Imported, ImportedBattery, NewImport};
use crate::store::{Store, StoreError};

/// Values of one block: with few columns it has as many rows as a block may, with many it stays within a message to the
/// database.
const BLOCK_VALUES_MAX: usize = 262_144;
/// An import that nobody went on with for so long was given up, µs.
const ABANDONED_US: i64 = 60 * 60 * 1_000_000;

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read, for the reason given.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// The same bytes were imported before.
    #[error("the same file was imported before, as experiment {experiment}; import it again only on purpose")]
    Again {
        /// What it became.
        experiment: ExperimentId,
    },
    /// The system refused the file.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a file is to be read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Word of its format; empty or `auto` to find out.
    pub format: String,
    /// When the test began, µs UTC, for a file without dates; now when nobody says.
    pub start_us: Option<i64>,
}

/// A file that was read through.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// What it is and holds.
    pub evidence: Evidence,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Its size.
    pub bytes: u64,
    format: &'static Format,
    plan: Plan,
    start_us: i64,
}

/// What is said of the experiment.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Its name; that of the file when empty.
    pub name: String,
    /// What a colleague should know.
    pub description: String,
    /// What was measured; a new generic battery named after the file when nobody says.
    pub battery: Option<BatteryId>,
    /// How; not known when nobody says.
    pub profile: Option<ProfileId>,
    /// Import the same bytes a second time.
    pub again: bool,
    /// Mark of the form, so that the same one sent twice makes one.
    pub once: Option<String>,
}

/// Counts and digests the bytes that go through it.
struct Digested<Input> {
    input: Input,
    sha256: Sha256,
    bytes: u64,
}

impl<Input: Read> Read for Digested<Input> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.sha256.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Reads a file through without storing anything. Takes as long as reading takes: not for a thread that answers requests.
///
/// # Errors
/// [`ImportError::Fault`] with place and remedy when it cannot be read.
pub fn inspect(path: &Path, reading: &Reading, now_us: i64) -> Result<Inspected, ImportError> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > FILE_BYTES_MAX {
        let what = format!("the file has {} MB, at most {} fit", bytes >> 20, FILE_BYTES_MAX >> 20);
        return Err(Fault::whole(what, "cut it in parts").into());
    }
    let head = Head::read(BufReader::new(File::open(path)?))?;
    let word = if reading.format.is_empty() { "auto" } else { &reading.format };
    let (format, plan) = import::recognise(&head, word)?;
    let stored = plan.stored().len();
    if stored == 0 || stored > BATCH_COLUMNS_MAX {
        let what = format!("it has {stored} measured columns");
        return Err(Fault::whole(what, format!("keep 1 to {BATCH_COLUMNS_MAX} of them")).into());
    }
    let start_us = reading.start_us.unwrap_or(now_us);
    let mut input = BufReader::new(Digested { input: File::open(path)?, sha256: Sha256::new(), bytes: 0 });
    let mut rows = import::open(plan.clone(), &mut input, start_us);
    let mut witness = Witness::new(format, &plan);
    while let Some(stretch) = rows.next_stretch(BATCH_ROWS_MAX)? {
        witness.see(&stretch);
    }
    let (started_us, has_dates) = (rows.started_us(), rows.has_dates() || reading.start_us.is_some());
    let evidence = witness.tell(started_us, has_dates);
    if evidence.rows == 0 {
        return Err(Fault::whole("there are no rows below the header", "choose a file with measurements").into());
    }
    let Digested { sha256, bytes, .. } = input.into_inner();
    Ok(Inspected { evidence, sha256: sha256.finalize().into(), bytes, format, plan, start_us })
}

/// Stores a file that was read through. Nothing is left of it when that fails.
///
/// # Errors
/// [`ImportError::Again`] when it is there already and that is not wished; when the file changed meanwhile; store errors.
pub async fn load(
    store: &Store,
    by: &Actor,
    (path, file_name): (&Path, &str),
    inspected: &Inspected,
    wishes: &Wishes,
) -> Result<ExperimentId, ImportError> {
    let clock = Clock::System;
    if !wishes.again
        && let Some((experiment, _)) = store.import_of_file(&inspected.sha256).await?
    {
        return Err(ImportError::Again { experiment });
    }
    store.sweep_imports(clock.now_us().saturating_sub(ABANDONED_US)).await?;
    let new = NewImport { file_name, sha256: inspected.sha256, bytes: inspected.bytes, format: inspected.format.word };
    let mut loading = store.begin_import(by, &new, clock.now_us()).await?;
    let done = async {
        let mut input = BufReader::new(Digested { input: File::open(path)?, sha256: Sha256::new(), bytes: 0 });
        let mut rows: Rows<_> = import::open(inspected.plan.clone(), &mut input, inspected.start_us);
        let block_rows = (BLOCK_VALUES_MAX / inspected.plan.stored().len().max(1)).clamp(1, BATCH_ROWS_MAX);
        while let Some(stretch) = rows.next_stretch(block_rows)? {
            store.load_rows(&mut loading, &stretch.times_us, &stretch.columns, clock.now_us()).await?;
        }
        let sha256: [u8; 32] = input.into_inner().sha256.finalize().into();
        if sha256 != inspected.sha256 {
            return Err(Fault::whole("the file was changed while it was read", "import it again").into());
        }
        let evidence = &inspected.evidence;
        let name = if wishes.name.is_empty() { name_of(file_name) } else { wishes.name.clone() };
        let mut battery = match wishes.battery {
            Some(battery) => ImportedBattery::Known(battery),
            None => ImportedBattery::New(Box::new(generic(&name, file_name, evidence))),
        };
        let mut number = 1;
        loop {
            let imported = Imported {
                name: &name,
                description: &wishes.description,
                battery: battery.clone(),
                profile: wishes.profile,
                started_at_us: evidence.started_at_us,
                finished_at_us: evidence.last_at_us,
                evidence: serde_json::to_value(evidence).unwrap_or_default(),
                once: wishes.once.as_deref(),
            };
            match store.finish_import(by, &loading, &imported, clock.now_us()).await {
                // Another battery has the name of the file already.
                Err(StoreError::Duplicate { .. }) if number < 100 && matches!(battery, ImportedBattery::New(_)) => {
                    number += 1;
                    let name = format!("{name} {number}");
                    battery = ImportedBattery::New(Box::new(generic(&name, file_name, evidence)));
                }
                done => return Ok(done?),
            }
        }
    };
    let done: Result<ExperimentId, ImportError> = done.await;
    if done.is_err()
        && let Err(error) = store.abandon_import(&loading).await
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "what is left of an import is taken away later");
    }
    done
}

/// The name of an experiment from that of its file.
#[must_use]
pub fn name_of(file_name: &str) -> String {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let name = [".bdf.csv", ".csv", ".txt", ".bdf"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let name: String = line(name).chars().take(crate::domain::experiment::NAME_MAX).collect();
    if name.is_empty() { "Imported".to_owned() } else { name }
}

/// A battery nobody knows, as wide as what was measured.
fn generic(name: &str, file_name: &str, evidence: &Evidence) -> BatteryFacts {
    let mut battery = BatteryFacts::usual(name, Technology::Generic, "", 1, 1.0);
    let range = |column: &str| {
        let found = evidence.columns.iter().find(|found| found.column.as_deref() == Some(column))?;
        Some((found.lowest?, found.highest?)).filter(|(lowest, highest)| lowest < highest)
    };
    if let Some((lowest, highest)) = range("voltage_v") {
        (battery.voltage_min_v, battery.voltage_max_v) = (lowest, highest);
        (battery.cell_voltage_min_v, battery.cell_voltage_max_v) = (lowest, highest);
    }
    if let Some((lowest, highest)) = range("current_a") {
        (battery.current_min_a, battery.current_max_a) = (lowest.min(0.0), highest.max(0.0));
    }
    battery.description = format!(
        "Added with the import of {}. Its limits are the lowest and highest values of that file; its capacity is not known, \
         1 Ah stands for it.",
        line(file_name)
    );
    battery
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiment_is_named_after_its_file() {
        assert_eq!(name_of("C:\\data\\Lab__NMC-1__20261121.bdf.csv"), "Lab__NMC-1__20261121");
        assert_eq!(name_of("../x/\u{202e}a.csv"), "a");
        assert_eq!(name_of(".csv"), "Imported");
    }

    #[test]
    fn a_file_without_rows_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        for (text, told) in [
            ("time_utc,time_local,elapsed_s,voltage_v\n", "there are no rows below the header; choose a file"),
            ("time_utc,time_local,elapsed_s\n", "it has 0 measured columns; keep 1 to 128"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = inspect(&path, &Reading::default(), 0).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
