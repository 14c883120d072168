//! The experiments that are next at their stations, as the scheduler looks at them.

use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, StationId};
use crate::domain::limits::Limits;
use crate::domain::station::StationState;
use crate::store::devices::read_id;
use crate::store::group::on_group;
use crate::store::sql::{on_read, statements};
use crate::store::{Store, StoreError};

statements! {
    HEADS = "
        SELECT e.experiment_id, e.version, e.battery_id, e.wait_reason, s.station_id, s.name AS station_name, s.device_id,
            s.state AS station_state, s.reason AS station_reason, s.reported_at_us, d.seen_at_us, d.disabled, s.held_by,
            s.held_reason, s.voltage_min_v, s.voltage_max_v, s.current_min_a, s.current_max_a,
            (SELECT MIN(o.experiment_id) FROM experiment o WHERE o.station_id = s.station_id
                AND o.state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')) AS busy_with,
            (SELECT MIN(o.experiment_id) FROM experiment o WHERE o.battery_id = e.battery_id
                AND o.state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')) AS battery_in,
            (SELECT COUNT(*) FROM station_measure m WHERE m.station_id = s.station_id) AS measures,
            (SELECT COUNT(*) FROM station_measure m WHERE m.station_id = s.station_id
                AND m.quantity LIKE 'temperature%') AS temperatures
        FROM experiment e
        JOIN station s ON s.station_id = e.station_id
        LEFT JOIN device d ON d.device_id = s.device_id
        WHERE e.state = 'queued' AND s.retired_at_us IS NULL AND s.is_virtual = 0
            AND NOT EXISTS (
                SELECT 1 FROM experiment f
                WHERE f.station_id = e.station_id AND f.state = 'queued'
                    AND (f.queue_position < e.queue_position
                        OR (f.queue_position = e.queue_position AND f.experiment_id < e.experiment_id)))
        ORDER BY e.experiment_id
        LIMIT ?";
    WAIT = "
        UPDATE experiment
        SET wait_reason = ?
        WHERE experiment_id = ? AND version = ? AND state = 'queued'";
    NAME = "
        SELECT name
        FROM experiment
        WHERE experiment_id = ?";
    WHY = "
        SELECT experiment_id, wait_reason
        FROM experiment
        WHERE station_id = ? AND state = 'queued' AND wait_reason <> ''
        LIMIT ?";
}

/// Most stations looked at in one round: more than a hall has.
const HEADS_MAX: i64 = 2_000;
/// Longest reason kept, in characters.
const REASON_MAX: usize = 500;

/// The experiment that is next at a station, and what stands in its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its version.
    pub version: i64,
    /// What is to be cycled.
    pub battery: BatteryId,
    /// Why it waited when it was last looked at.
    pub wait_reason: String,
    /// Where it is to run.
    pub station: StationId,
    /// What people call the station.
    pub station_name: String,
    /// What the station can apply.
    pub station_limits: Limits,
    /// The unit that drives it.
    pub unit: Option<DeviceId>,
    /// Whether the unit is shut out.
    pub unit_is_disabled: bool,
    /// When the unit was last heard, µs UTC.
    pub unit_seen_at_us: Option<i64>,
    /// What the station says that it does; `None` when it never said anything.
    pub station_state: Option<StationState>,
    /// Why, in its unit's words.
    pub station_reason: String,
    /// Who holds the station's queue, and why.
    pub held: Option<(String, String)>,
    /// The run the station has.
    pub busy_with: Option<ExperimentId>,
    /// The run the battery is in.
    pub battery_in: Option<ExperimentId>,
    /// Whether the station measures the temperature; assumed where nobody said what it measures.
    pub measures_temperature: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    experiment_id: i64,
    version: i64,
    battery_id: i64,
    wait_reason: String,
    station_id: i64,
    station_name: String,
    device_id: Option<String>,
    station_state: String,
    station_reason: String,
    reported_at_us: Option<i64>,
    seen_at_us: Option<i64>,
    disabled: Option<bool>,
    held_by: Option<String>,
    held_reason: Option<String>,
    voltage_min_v: f64,
    voltage_max_v: f64,
    current_min_a: f64,
    current_max_a: f64,
    busy_with: Option<i64>,
    battery_in: Option<i64>,
    measures: i64,
    temperatures: i64,
}

impl Row {
    fn read(self) -> Result<Head, StoreError> {
        let state = StationState::from_word(&self.station_state).ok_or_else(|| StoreError::Unreadable {
            what: format!("station {}", self.station_id),
            reason: format!("state “{}”", self.station_state),
        })?;
        Ok(Head {
            experiment: ExperimentId(self.experiment_id),
            version: self.version,
            battery: BatteryId(self.battery_id),
            wait_reason: self.wait_reason,
            station: StationId(self.station_id),
            station_name: self.station_name,
            station_limits: Limits {
                voltage_min_v: self.voltage_min_v,
                voltage_max_v: self.voltage_max_v,
                current_min_a: self.current_min_a,
                current_max_a: self.current_max_a,
            },
            unit: self.device_id.as_deref().map(read_id).transpose()?,
            unit_is_disabled: self.disabled.unwrap_or(false),
            unit_seen_at_us: self.seen_at_us,
            station_state: self.reported_at_us.map(|_| state),
            station_reason: self.station_reason,
            held: self.held_by.map(|by| (by, self.held_reason.unwrap_or_default())),
            busy_with: self.busy_with.map(ExperimentId),
            battery_in: self.battery_in.map(ExperimentId),
            measures_temperature: self.measures == 0 || self.temperatures > 0,
        })
    }
}

impl Store {
    /// The first experiment in the queue of every live station that has one.
    ///
    /// # Errors
    /// When the database fails or holds what this version cannot read.
    pub async fn queue_heads(&self) -> Result<Vec<Head>, StoreError> {
        let rows: Vec<Row> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(HEADS.text(dialect)).bind(HEADS_MAX).fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// Notes why an experiment still waits, for whoever looks at it. Its version stays: nothing was decided.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_waiting(&self, head: &Head, reason: &str) -> Result<(), StoreError> {
        let reason: String = reason.chars().take(REASON_MAX).collect();
        let mut group = self.begin_group().await?;
        let noted = on_group!(group, conn, dialect => {
            sqlx::query(WAIT.text(dialect))
                .bind(&reason)
                .bind(head.experiment.0)
                .bind(head.version)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if noted == 1 {
            group.commit().await?;
        }
        Ok(())
    }

    /// What people call an experiment; its number when it is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn experiment_name(&self, experiment: ExperimentId) -> Result<String, StoreError> {
        let row: Option<(String,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(NAME.text(dialect)).bind(experiment.0).fetch_optional(pool).await?
        });
        Ok(row.map_or_else(|| experiment.to_string(), |(name,)| name))
    }

    /// Why experiments of a station still wait, where the scheduler said so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wait_reasons(&self, station: StationId) -> Result<Vec<(ExperimentId, String)>, StoreError> {
        let rows: Vec<(i64, String)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(WHY.text(dialect)).bind(station.0).bind(HEADS_MAX).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(experiment, reason)| (ExperimentId(experiment), reason)).collect())
    }
}
