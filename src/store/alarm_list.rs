//! Alarms as lists: the page, the counts of the top bar, the marks of an experiment.

use super::devices::read_id;
use super::sql::{on_read, statements};
use super::{Store, StoreError};
use crate::domain::ids::{AlarmId, DeviceId, ExperimentId, StationId};
use crate::domain::safety::Severity;

statements! {
    PAGE = "
        SELECT a.alarm_id, a.severity, a.code, a.message, a.value, a.limit_value, a.experiment_id, a.station_id, a.device_id,
            a.at_us, a.last_at_us, a.repeat_count, a.is_late, a.cleared_at_us, a.acknowledged_at_us, a.acknowledged_by,
            a.answer, COALESCE(e.name, '') AS experiment_name, COALESCE(s.name, '') AS station_name
        FROM alarm a
        LEFT JOIN experiment e ON e.experiment_id = a.experiment_id
        LEFT JOIN station s ON s.station_id = a.station_id
        WHERE a.alarm_id < ?
            AND (? = 'all' OR (? = 'open' AND a.acknowledged_at_us IS NULL)
                OR (? = 'acknowledged' AND a.acknowledged_at_us IS NOT NULL))
            AND (? = '' OR a.severity = ?)
            AND (? = 0 OR a.station_id = ?)
            AND (? = 0 OR a.experiment_id = ?)
        ORDER BY a.alarm_id DESC
        LIMIT ?";
    ONE = "
        SELECT a.alarm_id, a.severity, a.code, a.message, a.value, a.limit_value, a.experiment_id, a.station_id, a.device_id,
            a.at_us, a.last_at_us, a.repeat_count, a.is_late, a.cleared_at_us, a.acknowledged_at_us, a.acknowledged_by,
            a.answer, COALESCE(e.name, '') AS experiment_name, COALESCE(s.name, '') AS station_name
        FROM alarm a
        LEFT JOIN experiment e ON e.experiment_id = a.experiment_id
        LEFT JOIN station s ON s.station_id = a.station_id
        WHERE a.alarm_id = ?";
    COUNTS = "
        SELECT severity, COUNT(*), MAX(alarm_id)
        FROM alarm
        WHERE acknowledged_at_us IS NULL
        GROUP BY severity";
}

/// Alarms of one page.
pub const PAGE_ROWS: i64 = 50;
/// Alarms marked in one experiment: more than a chart can show apart.
pub const EXPERIMENT_ROWS: i64 = 200;

/// Which alarms are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answered {
    /// Those nobody has answered yet.
    #[default]
    Open,
    /// Those somebody has.
    Acknowledged,
    /// All.
    All,
}

impl Answered {
    /// The word in an address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::All => "all",
        }
    }

    /// The wish of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Acknowledged, Self::All].into_iter().find(|one| one.as_str() == word)
    }
}

/// Which alarms to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmFilter {
    /// Answered or not.
    pub answered: Answered,
    /// Of one severity only.
    pub severity: Option<Severity>,
    /// Of one station only.
    pub station: Option<StationId>,
    /// Of one experiment only.
    pub experiment: Option<ExperimentId>,
    /// Only those with a lower number: the next page.
    pub before: Option<AlarmId>,
}

impl Default for AlarmFilter {
    fn default() -> Self {
        Self { answered: Answered::Open, severity: None, station: None, experiment: None, before: None }
    }
}

/// A stored alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Key.
    pub id: AlarmId,
    /// How bad it is.
    pub severity: Severity,
    /// Which rule, or what a device calls it.
    pub code: String,
    /// In words.
    pub message: String,
    /// What was measured.
    pub value: Option<f64>,
    /// What would have been allowed.
    pub limit: Option<f64>,
    /// The run, and its name.
    pub experiment: Option<(ExperimentId, String)>,
    /// The station, and its name.
    pub station: Option<(StationId, String)>,
    /// The device.
    pub device: Option<DeviceId>,
    /// When it was raised, µs UTC.
    pub at_us: i64,
    /// When it was raised last, µs UTC.
    pub last_at_us: i64,
    /// How often.
    pub repeat_count: i64,
    /// Whether it was found in rows that came long after they were measured.
    pub is_late: bool,
    /// When it was over, µs UTC.
    pub cleared_at_us: Option<i64>,
    /// When somebody answered, µs UTC.
    pub acknowledged_at_us: Option<i64>,
    /// Who.
    pub acknowledged_by: String,
    /// What they do about it.
    pub answer: String,
}

/// How many alarms wait for an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct OpenCounts {
    /// Alarms and critical ones.
    pub alarms: i64,
    /// Warnings.
    pub warnings: i64,
    /// The newest alarm among them: a page that knows a lower number has news.
    pub newest_alarm_id: i64,
}

#[derive(sqlx::FromRow)]
struct AlarmRow {
    alarm_id: i64,
    severity: String,
    code: String,
    message: String,
    value: Option<f64>,
    limit_value: Option<f64>,
    experiment_id: Option<i64>,
    station_id: Option<i64>,
    device_id: Option<String>,
    at_us: i64,
    last_at_us: i64,
    repeat_count: i64,
    is_late: bool,
    cleared_at_us: Option<i64>,
    acknowledged_at_us: Option<i64>,
    acknowledged_by: String,
    answer: String,
    experiment_name: String,
    station_name: String,
}

impl AlarmRow {
    fn read(self) -> Result<Alarm, StoreError> {
        let severity = Severity::from_word(&self.severity).ok_or_else(|| StoreError::Unreadable {
            what: format!("alarm {}", self.alarm_id),
            reason: format!("severity “{}”", self.severity),
        })?;
        Ok(Alarm {
            id: AlarmId(self.alarm_id),
            severity,
            code: self.code,
            message: self.message,
            value: self.value,
            limit: self.limit_value,
            experiment: self.experiment_id.map(|id| (ExperimentId(id), self.experiment_name)),
            station: self.station_id.map(|id| (StationId(id), self.station_name)),
            device: self.device_id.as_deref().map(read_id).transpose()?,
            at_us: self.at_us,
            last_at_us: self.last_at_us,
            repeat_count: self.repeat_count,
            is_late: self.is_late,
            cleared_at_us: self.cleared_at_us,
            acknowledged_at_us: self.acknowledged_at_us,
            acknowledged_by: self.acknowledged_by,
            answer: self.answer,
        })
    }
}

impl Store {
    /// Alarms that pass a filter, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails or holds what this version cannot read.
    pub async fn alarms(&self, filter: &AlarmFilter, limit: i64) -> Result<Vec<Alarm>, StoreError> {
        let answered = filter.answered.as_str();
        let severity = filter.severity.map(Severity::as_str).unwrap_or_default();
        let station = filter.station.map_or(0, |id| id.0);
        let experiment = filter.experiment.map_or(0, |id| id.0);
        let rows: Vec<AlarmRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(PAGE.text(dialect))
                .bind(filter.before.map_or(i64::MAX, |id| id.0))
                .bind(answered)
                .bind(answered)
                .bind(answered)
                .bind(severity)
                .bind(severity)
                .bind(station)
                .bind(station)
                .bind(experiment)
                .bind(experiment)
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(AlarmRow::read).collect()
    }

    /// One alarm.
    ///
    /// # Errors
    /// When the database fails or holds what this version cannot read.
    pub async fn alarm(&self, alarm: AlarmId) -> Result<Option<Alarm>, StoreError> {
        let row: Option<AlarmRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ONE.text(dialect)).bind(alarm.0).fetch_optional(pool).await?
        });
        row.map(AlarmRow::read).transpose()
    }

    /// How many alarms wait for an answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_alarm_counts(&self) -> Result<OpenCounts, StoreError> {
        let rows: Vec<(String, i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(COUNTS.text(dialect)).fetch_all(pool).await?
        });
        let mut counts = OpenCounts::default();
        for (severity, count, newest) in rows {
            match Severity::from_word(&severity) {
                Some(Severity::Alarm | Severity::Critical) => {
                    counts.alarms += count;
                    counts.newest_alarm_id = counts.newest_alarm_id.max(newest);
                }
                Some(Severity::Warning) => counts.warnings += count,
                _ => {}
            }
        }
        Ok(counts)
    }
}
