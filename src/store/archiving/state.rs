//! Where the rows of experiments are, for people.

use super::{FILES_OF, IS_KEPT, OF_EXPERIMENT, PAGE, STORED_FILES, TOTALS};
use crate::archive::{ArchiveError, ObjectRef};
use crate::domain::ids::ExperimentId;
use crate::domain::sample::Subject;
use crate::store::sql::on_read;
use crate::store::{Store, StoreError};

/// What of an experiment is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Files.
    pub files: i64,
    /// Chunks in them.
    pub chunks: i64,
    /// Bytes of the files.
    pub bytes: i64,
    /// When the last of it went there, µs UTC.
    pub at_us: i64,
    /// The place.
    pub place: String,
    /// Whether somebody wants it back: it is on its way.
    pub is_coming_back: bool,
}

/// What is in the archive of all experiments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveTotals {
    /// Files that chunks are in.
    pub files: i64,
    /// Experiments with such files.
    pub experiments: i64,
    /// Rows that were put there.
    pub rows: i64,
    /// Bytes of the files.
    pub bytes: i64,
    /// Files that wait to be removed, or that are being written.
    pub files_left: i64,
}

impl Store {
    /// What of an experiment is in the archive; `None` when all of it is in the database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn archived(&self, experiment: ExperimentId) -> Result<Option<Archived>, StoreError> {
        let (files, chunks, bytes, at_us, place): (i64, i64, i64, Option<i64>, Option<String>) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_EXPERIMENT.text(dialect)).bind(experiment.0).fetch_one(pool).await?
        });
        let (Some(at_us), Some(place)) = (at_us, place) else { return Ok(None) };
        let kept: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(IS_KEPT.text(dialect)).bind(experiment.0).fetch_optional(pool).await?
        });
        Ok(Some(Archived { files, chunks, bytes, at_us, place, is_coming_back: kept.is_some() }))
    }

    /// Whether every file that rows about a subject are in can be had, without reading those rows: before a file is sent
    /// that would otherwise end in the middle.
    ///
    /// # Errors
    /// [`StoreError::Archive`] names the first file that cannot, and the remedy; when the database fails.
    pub async fn check_archived(&self, subject: Subject) -> Result<(), StoreError> {
        let Subject::Experiment(experiment) = subject else { return Ok(()) };
        let mut after = 0;
        loop {
            let files: Vec<(i64, String, i64, String)> = on_read!(&self.db, pool, dialect => {
                sqlx::query_as(FILES_OF.text(dialect)).bind(experiment.0).bind(after).bind(PAGE).fetch_all(pool).await?
            });
            let Some(last) = files.last() else { return Ok(()) };
            after = last.0;
            for (id, name, bytes, place) in files {
                let Some(archive) = &self.archive else { return Err(ArchiveError::Off { name, place }.into()) };
                archive.look(&ObjectRef { id, name, bytes: u64::try_from(bytes).unwrap_or_default() }).await?;
            }
        }
    }

    /// What is in the archive altogether.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn archive_totals(&self) -> Result<ArchiveTotals, StoreError> {
        let states: Vec<(String, i64, i64, i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(TOTALS.text(dialect)).fetch_all(pool).await?
        });
        let mut totals = ArchiveTotals::default();
        for (state, files, experiments, rows, bytes) in states {
            if state == super::STORED {
                totals = ArchiveTotals { files, experiments, rows, bytes, ..totals };
            } else {
                totals.files_left += files;
            }
        }
        Ok(totals)
    }

    /// Files that chunks are in, with their SHA-256, after number `after`, some.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn archive_files(&self, after: i64) -> Result<Vec<(ObjectRef, Vec<u8>)>, StoreError> {
        let rows: Vec<(i64, String, i64, Vec<u8>)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(STORED_FILES.text(dialect)).bind(after).bind(PAGE).fetch_all(pool).await?
        });
        let file = |(id, name, bytes, sha256)| {
            (ObjectRef { id, name, bytes: u64::try_from(bytes).unwrap_or_default() }, sha256)
        };
        Ok(rows.into_iter().map(file).collect())
    }
}
