//! Stations as pages and other parts of the server read them.

use super::sql::{on_read, statements};
use super::{Store, StoreError};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{DeviceId, ExperimentId, InstrumentId, StationId};
use crate::domain::limits::Limits;
use crate::domain::measure::Measure;
use crate::domain::station::StationState;

statements! {
    ONE = "
        SELECT st.station_id, st.name, st.location, st.description, st.device_id, d.seen_at_us, st.state, st.step, st.cycle,
            st.reason, st.experiment_id, e.name AS experiment_name, st.reported_at_us, st.is_virtual,
            st.voltage_min_v, st.voltage_max_v, st.current_min_a, st.current_max_a,
            st.parent_station_id, st.created_at_us, st.updated_at_us, st.retired_at_us, st.version,
            (SELECT COUNT(*) FROM experiment q WHERE q.station_id = st.station_id AND q.state = 'queued') AS queued
        FROM station st
        LEFT JOIN device d ON d.device_id = st.device_id
        LEFT JOIN experiment e ON e.experiment_id = st.experiment_id
        WHERE st.station_id = ?";
    SOME = "
        SELECT st.station_id, st.name, st.location, st.description, st.device_id, d.seen_at_us, st.state, st.step, st.cycle,
            st.reason, st.experiment_id, e.name AS experiment_name, st.reported_at_us, st.is_virtual,
            st.voltage_min_v, st.voltage_max_v, st.current_min_a, st.current_max_a,
            st.parent_station_id, st.created_at_us, st.updated_at_us, st.retired_at_us, st.version,
            (SELECT COUNT(*) FROM experiment q WHERE q.station_id = st.station_id AND q.state = 'queued') AS queued
        FROM station st
        LEFT JOIN device d ON d.device_id = st.device_id
        LEFT JOIN experiment e ON e.experiment_id = st.experiment_id
        WHERE (? = '' OR st.device_id = ?)
            AND (? < 0 OR st.parent_station_id = ?)
            AND (? < 0 OR (st.retired_at_us IS NOT NULL) = ?)
        ORDER BY st.name, st.station_id DESC
        LIMIT ?";
    MEASURES = "
        SELECT instrument_id, quantity, column_name, name, unit
        FROM station_measure
        WHERE station_id = ?
        ORDER BY position";
    QUEUE = "
        SELECT e.experiment_id, e.name, e.state, b.name AS battery, p.name AS profile
        FROM experiment e
        LEFT JOIN battery b ON b.battery_id = e.battery_id
        LEFT JOIN profile p ON p.profile_id = e.profile_id
        WHERE e.station_id = ? AND e.state IN ('draft', 'queued')
        ORDER BY e.queue_position, e.experiment_id
        LIMIT ?";
}

/// Most stations read at a time: a large hall has 500, the rest are those retired over the years.
pub const STATIONS_MAX: i64 = 5_000;
/// Most waiting experiments of one station that are read: weeks of work.
pub const QUEUE_MAX: i64 = 500;
/// Most predecessors that are followed back.
const ANCESTORS_MAX: usize = 50;

/// A station.
#[derive(Debug, Clone, PartialEq)]
pub struct Station {
    /// Key.
    pub station_id: StationId,
    /// What people call it; unique among the live ones.
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// What else there is to know.
    pub description: String,
    /// The unit that drives it.
    pub unit: Option<DeviceId>,
    /// When that unit was last heard, µs UTC.
    pub unit_seen_at_us: Option<i64>,
    /// What the station does, in its unit's words.
    pub state: StationState,
    /// Step being executed, from 1.
    pub step: Option<u32>,
    /// Cycle being executed, from 1.
    pub cycle: Option<u32>,
    /// Why, in the unit's words.
    pub reason: String,
    /// What it works on, or worked on last, with its name.
    pub experiment: Option<(ExperimentId, String)>,
    /// When it last reported, µs UTC.
    pub reported_at_us: Option<i64>,
    /// Whether it only holds experiments measured elsewhere.
    pub is_virtual: bool,
    limits: Limits,
    /// The station it took the place of.
    pub parent: Option<StationId>,
    /// When it was built, µs UTC; not known of stations of earlier versions.
    pub created_at_us: Option<i64>,
    /// When it was last changed, µs UTC.
    pub updated_at_us: Option<i64>,
    /// When it was retired, µs UTC; `None` while it is live.
    pub retired_at_us: Option<i64>,
    /// Grows with each change.
    pub version: i64,
    /// Experiments that wait for it.
    pub queued: i64,
}

impl Station {
    /// What it can apply.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether it can still be worked with.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.retired_at_us.is_none()
    }
}

/// A station somebody may choose for an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct StationChoice {
    /// The station.
    pub station_id: StationId,
    /// Its name.
    pub name: String,
    /// The unit that drives it.
    pub unit: Option<DeviceId>,
    /// When that unit was last heard, µs UTC.
    pub unit_seen_at_us: Option<i64>,
    /// What it does.
    pub state: StationState,
    /// What it can apply.
    pub limits: Limits,
    /// Experiments that wait for it.
    pub queued: i64,
}

/// An experiment that waits for a station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its name.
    pub name: String,
    /// Draft or queued.
    pub state: ExperimentState,
    /// Name of what is to be cycled.
    pub battery: String,
    /// Name of how.
    pub profile: String,
}

/// Which stations to read; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StationFilter {
    /// Only those of this unit.
    pub unit: Option<DeviceId>,
    /// Only those that took the place of this one.
    pub parent: Option<StationId>,
    /// Only retired ones, or only live ones.
    pub retired: Option<bool>,
}

#[derive(sqlx::FromRow)]
struct StationRow {
    station_id: i64,
    name: String,
    location: String,
    description: String,
    device_id: Option<String>,
    seen_at_us: Option<i64>,
    state: String,
    step: Option<i64>,
    cycle: Option<i64>,
    reason: String,
    experiment_id: Option<i64>,
    experiment_name: Option<String>,
    reported_at_us: Option<i64>,
    is_virtual: bool,
    voltage_min_v: f64,
    voltage_max_v: f64,
    current_min_a: f64,
    current_max_a: f64,
    parent_station_id: Option<i64>,
    created_at_us: Option<i64>,
    updated_at_us: Option<i64>,
    retired_at_us: Option<i64>,
    version: i64,
    queued: i64,
}

impl StationRow {
    fn read(self) -> Result<Station, StoreError> {
        let unreadable =
            |reason: String| StoreError::Unreadable { what: format!("station {}", self.station_id), reason };
        let unit = self.device_id.as_deref().map(str::parse).transpose();
        Ok(Station {
            unit: unit.map_err(|error: crate::domain::ids::BadDeviceId| unreadable(error.to_string()))?,
            state: StationState::from_word(&self.state).ok_or_else(|| unreadable(format!("state “{}”", self.state)))?,
            station_id: StationId(self.station_id),
            name: self.name,
            location: self.location,
            description: self.description,
            unit_seen_at_us: self.seen_at_us,
            step: self.step.and_then(|step| step.try_into().ok()),
            cycle: self.cycle.and_then(|cycle| cycle.try_into().ok()),
            reason: self.reason,
            experiment: self.experiment_id.map(ExperimentId).zip(self.experiment_name),
            reported_at_us: self.reported_at_us,
            is_virtual: self.is_virtual,
            limits: Limits {
                voltage_min_v: self.voltage_min_v,
                voltage_max_v: self.voltage_max_v,
                current_min_a: self.current_min_a,
                current_max_a: self.current_max_a,
            },
            parent: self.parent_station_id.map(StationId),
            created_at_us: self.created_at_us,
            updated_at_us: self.updated_at_us,
            retired_at_us: self.retired_at_us,
            version: self.version,
            queued: self.queued,
        })
    }
}

impl Store {
    /// One station, live or retired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station(&self, station: StationId) -> Result<Option<Station>, StoreError> {
        let row: Option<StationRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ONE.text(dialect)).bind(station.0).fetch_optional(pool).await?
        });
        row.map(StationRow::read).transpose()
    }

    /// The stations that pass the filter, by name; at most [`STATIONS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stations(&self, filter: &StationFilter) -> Result<Vec<Station>, StoreError> {
        let unit = filter.unit.as_ref().map_or("", DeviceId::as_str);
        let parent = filter.parent.map_or(-1, |station| station.0);
        let retired = filter.retired.map_or(-1, i64::from);
        let rows: Vec<StationRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(SOME.text(dialect))
                .bind(unit)
                .bind(unit)
                .bind(parent)
                .bind(parent)
                .bind(retired)
                .bind(retired)
                .bind(STATIONS_MAX)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(StationRow::read).collect()
    }

    /// The live stations an experiment can be queued to, by name, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_choices(&self, limit: i64) -> Result<Vec<StationChoice>, StoreError> {
        let live = StationFilter { retired: Some(false), ..StationFilter::default() };
        let limit = usize::try_from(limit).unwrap_or(0);
        let stations = self.stations(&live).await?.into_iter().filter(|station| !station.is_virtual).take(limit);
        let choice = |station: Station| StationChoice {
            limits: station.limits(),
            station_id: station.station_id,
            name: station.name,
            unit: station.unit,
            unit_seen_at_us: station.unit_seen_at_us,
            state: station.state,
            queued: station.queued,
        };
        Ok(stations.map(choice).collect())
    }

    /// What a station measures, in the order of the form.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_measures(&self, station: StationId) -> Result<Vec<Measure>, StoreError> {
        let rows: Vec<(i64, String, String, String, String)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(MEASURES.text(dialect)).bind(station.0).fetch_all(pool).await?
        });
        let measure = |(instrument, quantity, column, name, unit)| Measure {
            instrument: InstrumentId(instrument),
            quantity,
            column,
            name,
            unit,
        };
        Ok(rows.into_iter().map(measure).collect())
    }

    /// The experiments that wait for a station, the next one first; at most [`QUEUE_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_queue(&self, station: StationId) -> Result<Vec<Waiting>, StoreError> {
        type Row = (i64, String, String, Option<String>, Option<String>);
        let rows: Vec<Row> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(QUEUE.text(dialect)).bind(station.0).bind(QUEUE_MAX).fetch_all(pool).await?
        });
        let waiting = |(experiment, name, state, battery, profile): Row| Waiting {
            experiment: ExperimentId(experiment),
            name,
            state: ExperimentState::from_word(&state).unwrap_or(ExperimentState::Queued),
            battery: battery.unwrap_or_default(),
            profile: profile.unwrap_or_default(),
        };
        Ok(rows.into_iter().map(waiting).collect())
    }

    /// The stations this one followed, the last one first, and the one that followed it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_line(&self, station: &Station) -> Result<(Vec<Station>, Option<Station>), StoreError> {
        let mut before: Vec<Station> = Vec::new();
        let mut parent = station.parent;
        while let Some(id) = parent.filter(|_| before.len() < ANCESTORS_MAX) {
            let Some(older) = self.station(id).await? else { break };
            parent = older.parent;
            before.push(older);
        }
        let children = StationFilter { parent: Some(station.station_id), ..StationFilter::default() };
        Ok((before, self.stations(&children).await?.into_iter().next()))
    }
}
