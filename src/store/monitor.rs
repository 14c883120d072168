//! What the monitor page shows: one line per station, one per probe.

use std::collections::HashMap;

use super::profiles::{from_json, resolved};
use super::sql::{Sql, on_read, statements};
use super::streams::{LatestRow, read_subject};
use super::{Store, StoreError};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, StationId, StreamId};
use crate::domain::profile::Steps;
use crate::domain::sample::Subject;
use crate::domain::station::StationState;
use crate::store::streams::Latest;

/// Most lines of each kind; a hall has fewer stations, and the page must stay a page.
pub const LINES_MAX: i64 = 500;

statements! {
    STATIONS = "
        SELECT
            st.station_id, st.name, st.device_id, d.seen_at_us, st.state, st.step, st.cycle, st.reason, st.reported_at_us,
            e.experiment_id, e.name AS experiment_name, e.state AS experiment_state, e.started_at_us,
            b.battery_id, b.name AS battery_name, b.chemistry, b.capacity_ah, p.name AS profile_name,
            COALESCE(e.steps_json, p.steps_json) AS steps_json,
            s.stream_id
        FROM station st
        LEFT JOIN device d ON d.device_id = st.device_id
        LEFT JOIN experiment e ON e.experiment_id = st.experiment_id
        LEFT JOIN battery b ON b.battery_id = e.battery_id
        LEFT JOIN profile p ON p.profile_id = e.profile_id
        LEFT JOIN stream s
            ON s.device_id = st.device_id AND s.subject_kind = 'experiment' AND s.subject_id = st.experiment_id
        WHERE st.retired_at_us IS NULL AND st.is_virtual = 0
        ORDER BY st.name
        LIMIT ?";
    MEASURES = "
        SELECT m.station_id, m.column_name, m.name, m.unit
        FROM station_measure m
        JOIN station st ON st.station_id = m.station_id
        WHERE st.retired_at_us IS NULL AND st.is_virtual = 0
        ORDER BY m.station_id, m.position";
    LATEST_OF_STATIONS = "
        SELECT
            l.stream_id, l.boot, l.seq, l.at_us, l.received_at_us, l.values_json, l.row_total, l.first_at_us, l.span_max_us
        FROM station st
        JOIN stream s
            ON s.device_id = st.device_id AND s.subject_kind = 'experiment' AND s.subject_id = st.experiment_id
        JOIN latest l ON l.stream_id = s.stream_id
        WHERE st.retired_at_us IS NULL AND st.is_virtual = 0
        LIMIT ?";
    LATEST_OF_PROBES = "
        SELECT
            l.stream_id, l.boot, l.seq, l.at_us, l.received_at_us, l.values_json, l.row_total, l.first_at_us, l.span_max_us
        FROM device d
        JOIN stream s ON s.device_id = d.device_id
        JOIN latest l ON l.stream_id = s.stream_id
        WHERE d.kind = 'probe' AND s.subject_kind = 'battery'
        LIMIT ?";
    PROBES = "
        SELECT s.stream_id, s.subject_kind, s.subject_id, d.device_id, d.seen_at_us, b.name AS battery_name, b.chemistry
        FROM device d
        JOIN stream s ON s.device_id = d.device_id
        JOIN battery b ON b.battery_id = s.subject_id
        WHERE d.kind = 'probe' AND s.subject_kind = 'battery'
        ORDER BY b.name, s.stream_id
        LIMIT ?";
}

/// A station as the monitor shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct StationLine {
    /// The station.
    pub station: StationId,
    /// Its name.
    pub name: String,
    /// The unit that drives it.
    pub unit: Option<DeviceId>,
    /// When that unit was last heard, µs UTC.
    pub unit_seen_at_us: Option<i64>,
    /// What the station does, in its own words.
    pub state: StationState,
    /// Step being executed, from 1.
    pub step: Option<u32>,
    /// Cycle being executed, from 1.
    pub cycle: Option<u32>,
    /// Why, in the unit's words.
    pub reason: String,
    /// When the station last reported, µs UTC.
    pub reported_at_us: Option<i64>,
    /// What it works on, or worked on last.
    pub experiment: Option<ExperimentLine>,
    /// The time series of that experiment.
    pub stream: Option<StreamId>,
    /// The end of that time series.
    pub latest: Option<Latest>,
    /// What the station measures, in the order in which it is shown; empty for one nobody has said it of.
    pub measures: Vec<MeasureLine>,
}

/// A measure of a station: a column under the name people gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureLine {
    /// Column of the samples.
    pub column: String,
    /// What people call it.
    pub name: String,
    /// Unit in which it is shown.
    pub unit: String,
}

/// The experiment of a station.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentLine {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: ExperimentState,
    /// When it began, µs UTC.
    pub started_at_us: Option<i64>,
    /// What is cycled.
    pub battery: BatteryId,
    /// Its name.
    pub battery_name: String,
    /// For example `NMC`.
    pub chemistry: String,
    /// Name of the profile.
    pub profile_name: String,
    /// Steps of the profile.
    pub steps: Steps,
}

/// A probe as the monitor shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeLine {
    /// What it measured.
    pub stream: StreamId,
    /// The probe.
    pub device: DeviceId,
    /// When it was last heard, µs UTC.
    pub seen_at_us: Option<i64>,
    /// What it sits on.
    pub battery: BatteryId,
    /// Its name.
    pub battery_name: String,
    /// For example `NMC`.
    pub chemistry: String,
    /// The end of the time series.
    pub latest: Option<Latest>,
}

#[derive(sqlx::FromRow)]
struct StationRow {
    station_id: i64,
    name: String,
    device_id: Option<String>,
    seen_at_us: Option<i64>,
    state: String,
    step: Option<i64>,
    cycle: Option<i64>,
    reason: String,
    reported_at_us: Option<i64>,
    experiment_id: Option<i64>,
    experiment_name: Option<String>,
    experiment_state: Option<String>,
    started_at_us: Option<i64>,
    battery_id: Option<i64>,
    battery_name: Option<String>,
    chemistry: Option<String>,
    capacity_ah: Option<f64>,
    profile_name: Option<String>,
    steps_json: Option<String>,
    stream_id: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct ProbeRow {
    stream_id: i64,
    subject_kind: String,
    subject_id: i64,
    device_id: String,
    seen_at_us: Option<i64>,
    battery_name: String,
    chemistry: String,
}

impl StationRow {
    fn unreadable(&self, reason: &dyn std::fmt::Display) -> StoreError {
        StoreError::Unreadable { what: format!("station {}", self.station_id), reason: reason.to_string() }
    }

    fn experiment(&self) -> Result<Option<ExperimentLine>, StoreError> {
        let (
            Some(id),
            Some(name),
            Some(state),
            Some(battery),
            Some(battery_name),
            Some(chemistry),
            Some(profile_name),
            Some(steps),
        ) = (
            self.experiment_id,
            &self.experiment_name,
            &self.experiment_state,
            self.battery_id,
            &self.battery_name,
            &self.chemistry,
            &self.profile_name,
            &self.steps_json,
        )
        else {
            return Ok(None);
        };
        Ok(Some(ExperimentLine {
            experiment: ExperimentId(id),
            name: name.clone(),
            state: ExperimentState::from_word(state)
                .ok_or_else(|| self.unreadable(&format!("experiment state “{state}”")))?,
            started_at_us: self.started_at_us,
            battery: BatteryId(battery),
            battery_name: battery_name.clone(),
            chemistry: chemistry.clone(),
            profile_name: profile_name.clone(),
            steps: resolved(&from_json(steps, || format!("profile “{profile_name}”"))?, self.capacity_ah),
        }))
    }

    fn line(self, latest: Option<Latest>) -> Result<StationLine, StoreError> {
        let experiment = self.experiment()?;
        let unit = self.device_id.as_deref().map(str::parse).transpose().map_err(|error| self.unreadable(&error))?;
        let state =
            StationState::from_word(&self.state).ok_or_else(|| self.unreadable(&format!("state “{}”", self.state)))?;
        Ok(StationLine {
            station: StationId(self.station_id),
            name: self.name,
            unit,
            unit_seen_at_us: self.seen_at_us,
            state,
            step: self.step.and_then(|step| step.try_into().ok()),
            cycle: self.cycle.and_then(|cycle| cycle.try_into().ok()),
            reason: self.reason,
            reported_at_us: self.reported_at_us,
            experiment,
            stream: self.stream_id.map(StreamId),
            latest,
            measures: Vec::new(),
        })
    }
}

impl Store {
    /// Every live station that a unit may drive, with what it does, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_lines(&self) -> Result<Vec<StationLine>, StoreError> {
        let rows: Vec<StationRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(STATIONS.text(dialect)).bind(LINES_MAX).fetch_all(pool).await?
        });
        let measures: Vec<(i64, String, String, String)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(MEASURES.text(dialect)).fetch_all(pool).await?
        });
        let mut of_station: HashMap<i64, Vec<MeasureLine>> = HashMap::new();
        for (station, column, name, unit) in measures {
            of_station.entry(station).or_default().push(MeasureLine { column, name, unit });
        }
        let mut lines = Vec::with_capacity(rows.len());
        let mut latest = self.latest_by_stream(LATEST_OF_STATIONS).await?;
        for row in rows {
            let end = row.stream_id.and_then(|stream| latest.remove(&stream));
            let measures = of_station.remove(&row.station_id).unwrap_or_default();
            lines.push(StationLine { measures, ..row.line(end)? });
        }
        Ok(lines)
    }

    /// Every probe with a stream, by the name of its battery.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn probe_lines(&self) -> Result<Vec<ProbeLine>, StoreError> {
        let rows: Vec<ProbeRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(PROBES.text(dialect)).bind(LINES_MAX).fetch_all(pool).await?
        });
        let mut latest = self.latest_by_stream(LATEST_OF_PROBES).await?;
        let line = |row: ProbeRow| {
            let Subject::Battery(battery) = read_subject(row.stream_id, &row.subject_kind, row.subject_id)? else {
                return Ok(None);
            };
            let device = row.device_id.parse().map_err(|error: crate::domain::ids::BadDeviceId| {
                StoreError::Unreadable { what: format!("stream {}", row.stream_id), reason: error.to_string() }
            })?;
            Ok(Some(ProbeLine {
                stream: StreamId(row.stream_id),
                device,
                seen_at_us: row.seen_at_us,
                battery,
                battery_name: row.battery_name,
                chemistry: row.chemistry,
                latest: latest.remove(&row.stream_id),
            }))
        };
        rows.into_iter().map(line).filter_map(Result::transpose).collect()
    }

    async fn latest_by_stream(&self, statement: Sql) -> Result<HashMap<i64, Latest>, StoreError> {
        let rows: Vec<LatestRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(statement.text(dialect)).bind(LINES_MAX).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|row| (row.stream_id, row.latest)).collect())
    }
}
