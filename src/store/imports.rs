//! Files of finished experiments on their way in. Rows are stored in short transactions as a stream about the import, which
//! no page shows; the last transaction makes the experiment and gives it the stream. What was left half done is taken away.

mod experiment;
mod sweep;

use super::batteries::NewBattery;
use super::blocks::NewBlock;
use super::group::on_group;
use super::sql::{InsertedId, on_read, statements};
use super::streams::Latest;
use super::{Store, StoreError};
use crate::domain::audit::Actor;
use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, ProfileId, StreamId};
use crate::domain::sample::Column;
use crate::series::codec;

statements! {
    BEGIN = "
        INSERT INTO import
            (state, file_name, file_sha256, file_bytes, format, evidence_json, added_by, created_at_us, touched_at_us)
        VALUES ('loading', ?, ?, ?, ?, '{}', ?, ?, ?)";
    STREAM = "
        INSERT INTO stream (device_id, subject_kind, subject_id, created_at_us)
        VALUES (?, 'import', ?, ?)";
    TOUCH = "
        UPDATE import
        SET touched_at_us = ?
        WHERE import_id = ? AND state = 'loading'";
    OF_FILE = "
        SELECT i.experiment_id, i.created_at_us
        FROM import i
        JOIN experiment e ON e.experiment_id = i.experiment_id
        WHERE i.file_sha256 = ? AND i.state = 'done'
        ORDER BY i.import_id
        LIMIT 1";
    OF_EXPERIMENT = "
        SELECT file_name, file_sha256, format, created_at_us
        FROM import
        WHERE experiment_id = ? AND state = 'done'
        ORDER BY import_id
        LIMIT 1";
    BY_ONCE = "
        SELECT experiment_id
        FROM experiment
        WHERE once_token = ?";
    BATTERY = "
        SELECT COUNT(*)
        FROM battery
        WHERE battery_id = ?";
    STATION = "
        SELECT station_id
        FROM station
        WHERE is_virtual = 1 AND retired_at_us IS NULL
        ORDER BY station_id
        LIMIT 1";
    PROFILE_STEPS = "
        SELECT steps_json
        FROM profile
        WHERE profile_id = ?";
    PROFILE_NAMED = "
        SELECT profile_id
        FROM profile
        WHERE name = ?";
    PROFILE_ASIDE = "
        UPDATE profile
        SET retired_at_us = ?
        WHERE profile_id = ?";
    EXPERIMENT = "
        INSERT INTO experiment
            (name, description, tags_json, battery_id, station_id, profile_id, steps_json, state, added_by, once_token,
             created_at_us, started_at_us, finished_at_us, updated_at_us)
        VALUES (?, ?, '[]', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    GIVE_STREAM = "
        UPDATE stream
        SET subject_kind = 'experiment', subject_id = ?
        WHERE stream_id = ? AND subject_kind = 'import'";
    DONE = "
        UPDATE import
        SET state = 'done', experiment_id = ?, row_total = ?, evidence_json = ?, touched_at_us = ?
        WHERE import_id = ? AND state = 'loading'";
    STREAM_OF = "
        SELECT stream_id
        FROM stream
        WHERE subject_kind = 'import' AND subject_id = ?";
    FIRST_BLOCKS = "
        SELECT seq0
        FROM block
        WHERE stream_id = ? AND level = 0 AND boot = 1
        ORDER BY seq0
        LIMIT 100";
    DROP_BLOCKS = "
        DELETE FROM block
        WHERE stream_id = ? AND level = 0 AND boot = 1 AND seq0 <= ?";
    DROP_STREAM = "
        DELETE FROM stream
        WHERE stream_id = ? AND subject_kind = 'import'";
    DROP = "
        DELETE FROM import
        WHERE import_id = ? AND state = 'loading'";
    LEFT = "
        SELECT import_id
        FROM import
        WHERE state = 'loading' AND touched_at_us < ?
        ORDER BY import_id
        LIMIT 100";
}

/// Files have no boots: their rows are numbered in one.
const BOOT: u32 = 1;
/// The profile of what was measured elsewhere when nobody says how. It is retired from the beginning: nothing can run it.
const PROFILE_UNKNOWN: &str = "Not known (imported)";
/// Longest name of a file kept, in characters.
const FILE_NAME_MAX: usize = 200;
/// Longest name of a person, in characters.
const ACTOR_MAX: usize = 64;

/// A file that is being stored.
#[derive(Debug, Clone)]
pub struct NewImport<'a> {
    /// Its name, for people.
    pub file_name: &'a str,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Its size.
    pub bytes: u64,
    /// Word of its format.
    pub format: &'a str,
}

/// What becomes of the rows.
#[derive(Debug, Clone)]
pub struct Imported<'a> {
    /// Name of the experiment.
    pub name: &'a str,
    /// What a colleague should know.
    pub description: &'a str,
    /// What was measured.
    pub battery: ImportedBattery,
    /// How; `None` for not known.
    pub profile: Option<ProfileId>,
    /// When it began, µs UTC.
    pub started_at_us: i64,
    /// When it ended, µs UTC.
    pub finished_at_us: i64,
    /// The report on the file.
    pub evidence: serde_json::Value,
    /// Mark of the form, so that the same one sent twice makes one.
    pub once: Option<&'a str>,
}

/// The battery of an imported experiment.
#[derive(Debug, Clone)]
pub enum ImportedBattery {
    /// One that is there.
    Known(BatteryId),
    /// One that is added with it.
    New(Box<NewBattery>),
}

/// The file an experiment came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedFile {
    /// Its name.
    pub file_name: String,
    /// SHA-256 of its bytes.
    pub sha256: Vec<u8>,
    /// Word of its format.
    pub format: String,
    /// When it was imported, µs UTC.
    pub at_us: i64,
}

/// An import under way.
#[derive(Debug)]
pub struct Loading {
    import: i64,
    stream: StreamId,
    rows: i64,
    first_at_us: i64,
    last_at_us: i64,
    span_max_us: i64,
    values_json: String,
}

impl Loading {
    /// Rows stored so far.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.rows
    }
}

impl Store {
    /// The experiment that came from a file with these bytes, and when, µs UTC.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn import_of_file(&self, sha256: &[u8; 32]) -> Result<Option<(ExperimentId, i64)>, StoreError> {
        let row: Option<(i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_FILE.text(dialect)).bind(sha256.as_slice()).fetch_optional(pool).await?
        });
        Ok(row.map(|(experiment, at_us)| (ExperimentId(experiment), at_us)))
    }

    /// The file an experiment came from; `None` for one that was measured here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn imported_file(&self, experiment: ExperimentId) -> Result<Option<ImportedFile>, StoreError> {
        let row: Option<(String, Vec<u8>, String, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_EXPERIMENT.text(dialect)).bind(experiment.0).fetch_optional(pool).await?
        });
        Ok(row.map(|(file_name, sha256, format, at_us)| ImportedFile { file_name, sha256, format, at_us }))
    }

    /// The experiment that a form made when it was sent before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn imported_once(&self, once: &str) -> Result<Option<ExperimentId>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ONCE.text(dialect)).bind(once).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| ExperimentId(id)))
    }

    /// Begins to store a file.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_import(&self, by: &Actor, new: &NewImport<'_>, now_us: i64) -> Result<Loading, StoreError> {
        let mut group = self.begin_group().await?;
        let import = on_group!(group, conn, dialect => {
            sqlx::query(BEGIN.text(dialect))
                .bind(new.file_name.chars().take(FILE_NAME_MAX).collect::<String>())
                .bind(new.sha256.as_slice())
                .bind(i64::try_from(new.bytes).unwrap_or(i64::MAX))
                .bind(new.format)
                .bind(by.name.chars().take(ACTOR_MAX).collect::<String>())
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await?
                .inserted_id()
        });
        let stream = on_group!(group, conn, dialect => {
            sqlx::query(STREAM.text(dialect))
                .bind(DeviceId::of_import(import).as_str())
                .bind(import)
                .bind(now_us)
                .execute(conn)
                .await?
                .inserted_id()
        });
        group.commit().await?;
        Ok(Loading {
            import,
            stream: StreamId(stream),
            rows: 0,
            first_at_us: i64::MAX,
            last_at_us: i64::MIN,
            span_max_us: 0,
            values_json: "{}".to_owned(),
        })
    }

    /// Stores the next rows, at most a block's worth, in one transaction.
    ///
    /// # Errors
    /// When the database fails, or somebody took the import for abandoned.
    pub async fn load_rows(
        &self,
        loading: &mut Loading,
        times_us: &[i64],
        columns: &[Column],
        now_us: i64,
    ) -> Result<(), StoreError> {
        let (Some(at0_us), Some(at1_us)) = (times_us.iter().min().copied(), times_us.iter().max().copied()) else {
            return Ok(());
        };
        let content = codec::encode(times_us, columns);
        let mut group = self.begin_group().await?;
        let touched = on_group!(group, conn, dialect => {
            sqlx::query(TOUCH.text(dialect)).bind(now_us).bind(loading.import).execute(conn).await?.rows_affected()
        });
        if touched != 1 {
            return Err(StoreError::Conflict("The import was given up meanwhile. Start it again.".to_owned()));
        }
        let column_set_id = group.column_set(columns).await?;
        let block = NewBlock {
            stream: loading.stream,
            boot: BOOT,
            seq0: loading.rows,
            row_count: times_us.len(),
            at0_us,
            at1_us,
            dated: true,
            tick_offset_us: 0,
            received_at_us: now_us,
            column_set_id,
            crc: codec::checksum(&content),
            content: content.into(),
        };
        group.insert_blocks(&[block]).await?;
        group.commit().await?;
        let last = times_us.len() - 1;
        let values = columns.iter().map(|column| (column.name.clone(), column.get(last).into()));
        loading.values_json = serde_json::Value::Object(values.collect()).to_string();
        loading.rows += i64::try_from(times_us.len()).unwrap_or(i64::MAX);
        loading.first_at_us = loading.first_at_us.min(at0_us);
        loading.last_at_us = loading.last_at_us.max(at1_us);
        loading.span_max_us = loading.span_max_us.max(at1_us.saturating_sub(at0_us));
        Ok(())
    }

    /// Makes the experiment of the stored rows, all of it in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when battery, profile or the virtual station are not there, [`StoreError::Duplicate`] when the
    /// name of a new battery is taken, [`StoreError::Conflict`] when the import was taken for abandoned.
    pub async fn finish_import(
        &self,
        by: &Actor,
        loading: &Loading,
        imported: &Imported<'_>,
        now_us: i64,
    ) -> Result<ExperimentId, StoreError> {
        let mut group = self.begin_group().await?;
        let experiment = group.insert_imported(by, imported, now_us).await?;
        let (given, done) = on_group!(group, conn, dialect => {
            let given = sqlx::query(GIVE_STREAM.text(dialect))
                .bind(experiment.0)
                .bind(loading.stream.0)
                .execute(&mut *conn)
                .await?
                .rows_affected();
            let done = sqlx::query(DONE.text(dialect))
                .bind(experiment.0)
                .bind(loading.rows)
                .bind(imported.evidence.to_string())
                .bind(now_us)
                .bind(loading.import)
                .execute(&mut *conn)
                .await?
                .rows_affected();
            (given, done)
        });
        if given != 1 || done != 1 {
            return Err(StoreError::Conflict("The import was given up meanwhile. Start it again.".to_owned()));
        }
        let latest = Latest {
            boot: i64::from(BOOT),
            seq: loading.rows - 1,
            at_us: loading.last_at_us,
            received_at_us: now_us,
            values_json: loading.values_json.clone(),
            row_total: loading.rows,
            first_at_us: loading.first_at_us,
            span_max_us: loading.span_max_us,
        };
        group.set_latest(&[(loading.stream, latest)]).await?;
        group.commit().await?;
        Ok(experiment)
    }
}
