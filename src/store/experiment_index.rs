//! The list of experiments in memory: filters, counts, search, order and pages without a scan of the database.
//!
//! Every change of an experiment has a number that rises in the order of the commits (`transitions`). Before each answer
//! the index reads the newest number, usually one row, and takes in what changed since, whichever process changed it.
//! Names of batteries, stations and profiles are read again when the audit log grew and their tables did change.
//! `docs/adr/0013-list-in-memory.md` has the reasons and the figures.

mod answer;
mod ask;
mod columns;

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

pub use ask::{Answer, Ask, FACET_VALUES_MAX, Facet, FacetAnswer, FacetValue, Row, Sort};
use columns::{Columns, Told};

use super::sql::{Sql, on_read, statements};
use super::transitions::read_state;
use super::{Store, StoreError};
use crate::domain::ids::ExperimentId;

statements! {
    MARKS = "
        SELECT
            (SELECT seq FROM experiment_change WHERE experiment_change_id = 1),
            (SELECT audit_id FROM audit_head WHERE audit_head_id = 1)";
    NAMES_MARK = "
        SELECT
            (SELECT COUNT(*) FROM battery),
            (SELECT COALESCE(SUM(version), 0) FROM battery),
            (SELECT COUNT(*) FROM station),
            (SELECT COALESCE(SUM(version), 0) FROM station),
            (SELECT COUNT(*) FROM profile),
            (SELECT COALESCE(SUM(version), 0) FROM profile)" | "
        SELECT
            (SELECT COUNT(*) FROM battery),
            (SELECT CAST(COALESCE(SUM(version), 0) AS SIGNED) FROM battery),
            (SELECT COUNT(*) FROM station),
            (SELECT CAST(COALESCE(SUM(version), 0) AS SIGNED) FROM station),
            (SELECT COUNT(*) FROM profile),
            (SELECT CAST(COALESCE(SUM(version), 0) AS SIGNED) FROM profile)";
    BATTERIES = "
        SELECT battery_id, name, technology
        FROM battery
        WHERE battery_id > ?
        ORDER BY battery_id
        LIMIT ?";
    STATIONS = "
        SELECT station_id, name, ''
        FROM station
        WHERE station_id > ?
        ORDER BY station_id
        LIMIT ?";
    PROFILES = "
        SELECT profile_id, name, ''
        FROM profile
        WHERE profile_id > ?
        ORDER BY profile_id
        LIMIT ?";
    OLDER = "
        SELECT
            experiment_id, name, SUBSTR(description, 1, 500) AS description, tags_json, state,
            SUBSTR(reason, 1, 100) AS reason, battery_id, station_id, profile_id,
            created_at_us, started_at_us, finished_at_us, change_seq
        FROM experiment
        WHERE experiment_id < ?
        ORDER BY experiment_id DESC
        LIMIT ?";
    CHANGED = "
        SELECT
            experiment_id, name, SUBSTR(description, 1, 500) AS description, tags_json, state,
            SUBSTR(reason, 1, 100) AS reason, battery_id, station_id, profile_id,
            created_at_us, started_at_us, finished_at_us, change_seq
        FROM experiment
        WHERE change_seq >= ? AND (change_seq > ? OR experiment_id > ?)
        ORDER BY change_seq, experiment_id
        LIMIT ?";
}

/// Most experiments held, the newest ones: at most 3 kB each, a tenth of that as labs write. Older ones are found by
/// their number only.
pub const EXPERIMENTS_MAX: usize = 1_000_000;
/// Most batteries, stations and profiles whose names are held, each.
pub const NAMES_MAX: usize = 200_000;
/// Rows read at a time.
const ROWS_PER_READ: usize = 5_000;

/// The index of one server. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ExperimentIndex {
    columns: Arc<RwLock<Columns>>,
    /// Held while the index is brought up to date: whoever comes meanwhile wants the same.
    read_up_to: Arc<Mutex<ReadUpTo>>,
}

/// What was read of the database.
#[derive(Debug, Default)]
struct ReadUpTo {
    /// Number of the newest change and, among equals, of its last experiment; `None` before the first reading.
    change: Option<(i64, i64)>,
    audit: i64,
    names: NamesMark,
}

/// Changes whenever a name does: counts, and sums of the versions, which only grow.
type NamesMark = [i64; 6];

#[derive(sqlx::FromRow)]
struct ToldRow {
    experiment_id: i64,
    name: String,
    description: String,
    tags_json: String,
    state: String,
    reason: String,
    battery_id: i64,
    station_id: i64,
    profile_id: i64,
    created_at_us: i64,
    started_at_us: Option<i64>,
    finished_at_us: Option<i64>,
    change_seq: i64,
}

impl ToldRow {
    fn read(self) -> Result<Told, StoreError> {
        let id = self.experiment_id;
        Ok(Told {
            id,
            name: self.name,
            description: self.description,
            tags: serde_json::from_str(&self.tags_json).map_err(|error| StoreError::Unreadable {
                what: format!("experiment {id}"),
                reason: error.to_string(),
            })?,
            state: read_state(ExperimentId(id), &self.state)?,
            reason: self.reason,
            battery: self.battery_id,
            station: self.station_id,
            profile: self.profile_id,
            created_at_us: self.created_at_us,
            started_at_us: self.started_at_us,
            finished_at_us: self.finished_at_us,
        })
    }
}

impl ExperimentIndex {
    /// Answers from what is committed now; `now_us` is the end of what runs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answer(&self, store: &Store, ask: Ask, now_us: i64) -> Result<Answer, StoreError> {
        self.refresh(store).await?;
        let columns = Arc::clone(&self.columns);
        let answered = tokio::task::spawn_blocking(move || {
            columns.read().unwrap_or_else(PoisonError::into_inner).answer(&ask, now_us)
        });
        Ok(answered.await.unwrap_or_default())
    }

    /// Roughly how much memory the index holds, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.columns.read().unwrap_or_else(PoisonError::into_inner).bytes()
    }

    async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let mut upto = self.read_up_to.lock().await;
        let (newest, audit): (i64, i64) = on_read!(&store.db, pool, dialect => {
            sqlx::query_as(MARKS.text(dialect)).fetch_one(pool).await?
        });
        let changed = match upto.change {
            None => Some(store.experiments_for_index().await?),
            Some((seq, _)) if seq < newest => None,
            Some(_) => Some(Vec::new()),
        };
        if let Some(told) = changed {
            self.take(told);
        } else {
            while let Some(after) = upto.change {
                let (told, last) = store.experiments_changed(after).await?;
                let is_all = told.len() < ROWS_PER_READ;
                self.take(told);
                upto.change = last.or(upto.change);
                if is_all {
                    break;
                }
            }
        }
        let seq = upto.change.map_or(newest, |(seq, _)| seq.max(newest));
        upto.change = Some((seq, i64::MAX));
        let lacks_names = !self.columns.read().unwrap_or_else(PoisonError::into_inner).has_all_names();
        if audit != upto.audit || lacks_names {
            let names = store.names_mark().await?;
            if names != upto.names || lacks_names {
                self.rename(store).await?;
                upto.names = names;
            }
            upto.audit = audit;
        }
        Ok(())
    }

    fn take(&self, told: Vec<Told>) {
        if !told.is_empty() {
            self.columns.write().unwrap_or_else(PoisonError::into_inner).take(told);
        }
    }

    async fn rename(&self, store: &Store) -> Result<(), StoreError> {
        let batteries = store.names(BATTERIES).await?;
        let stations = store.names(STATIONS).await?;
        let profiles = store.names(PROFILES).await?;
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        columns.batteries.rename(batteries);
        columns.stations.rename(stations);
        columns.profiles.rename(profiles);
        Ok(())
    }
}

impl Store {
    /// All experiments, the newest first; at most [`EXPERIMENTS_MAX`].
    async fn experiments_for_index(&self) -> Result<Vec<Told>, StoreError> {
        let mut told = Vec::new();
        let mut before = i64::MAX;
        while told.len() < EXPERIMENTS_MAX {
            let rows: Vec<ToldRow> = on_read!(&self.db, pool, dialect => {
                sqlx::query_as(OLDER.text(dialect)).bind(before).bind(limit(ROWS_PER_READ)).fetch_all(pool).await?
            });
            let is_all = rows.len() < ROWS_PER_READ;
            before = rows.last().map_or(before, |row| row.experiment_id);
            for row in rows {
                told.push(row.read()?);
            }
            if is_all {
                break;
            }
        }
        Ok(told)
    }

    /// Experiments changed after a change and, among those of the same number, after an experiment; and the last one.
    async fn experiments_changed(&self, (seq, id): (i64, i64)) -> Result<(Vec<Told>, Option<(i64, i64)>), StoreError> {
        let rows: Vec<ToldRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(CHANGED.text(dialect))
                .bind(seq)
                .bind(seq)
                .bind(id)
                .bind(limit(ROWS_PER_READ))
                .fetch_all(pool)
                .await?
        });
        let last = rows.last().map(|row| (row.change_seq, row.experiment_id));
        let told = rows.into_iter().map(ToldRow::read).collect::<Result<_, _>>()?;
        Ok((told, last))
    }

    async fn names_mark(&self) -> Result<NamesMark, StoreError> {
        let (a, b, c, d, e, f): (i64, i64, i64, i64, i64, i64) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(NAMES_MARK.text(dialect)).fetch_one(pool).await?
        });
        Ok([a, b, c, d, e, f])
    }

    async fn names(&self, statement: Sql) -> Result<Vec<(i64, String, String)>, StoreError> {
        let mut names: Vec<(i64, String, String)> = Vec::new();
        while names.len() < NAMES_MAX {
            let after = names.last().map_or(i64::MIN, |(id, ..)| *id);
            let rows: Vec<(i64, String, String)> = on_read!(&self.db, pool, dialect => {
                sqlx::query_as(statement.text(dialect)).bind(after).bind(limit(ROWS_PER_READ)).fetch_all(pool).await?
            });
            let is_all = rows.len() < ROWS_PER_READ;
            names.extend(rows);
            if is_all {
                break;
            }
        }
        Ok(names)
    }
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
