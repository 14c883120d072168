//! Runs: the experiments that have been started and are not over, as the watch over them needs them.

use super::devices::read_id;
use super::sql::{on_read, statements};
use super::transitions::read_state;
use super::{Store, StoreError};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, StationId};
use crate::domain::run::RunTerms;

statements! {
    OPEN = "
        SELECT e.experiment_id, e.name, e.state, e.version, e.battery_id, e.station_id, s.name, s.device_id,
            e.terms_json, e.started_at_us
        FROM experiment e
        JOIN station s ON s.station_id = e.station_id
        WHERE e.state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')
            AND s.device_id IS NOT NULL
        ORDER BY e.experiment_id";
    TERMS = "
        SELECT terms_json
        FROM experiment
        WHERE experiment_id = ?";
}

/// A run under way.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRun {
    /// Key.
    pub experiment: ExperimentId,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub state: ExperimentState,
    /// Rises with every change.
    pub version: i64,
    /// What is cycled.
    pub battery: BatteryId,
    /// Where.
    pub station: StationId,
    /// What people call the station.
    pub station_name: String,
    /// The unit that drives it.
    pub device: DeviceId,
    /// What it was started with; `None` for one that its unit began by itself.
    pub terms: Option<RunTerms>,
    /// When its first step began, µs UTC.
    pub started_at_us: Option<i64>,
}

impl Store {
    /// All runs under way, by number.
    ///
    /// # Errors
    /// When the database fails or holds what this version cannot read.
    pub async fn open_runs(&self) -> Result<Vec<OpenRun>, StoreError> {
        type Row = (i64, String, String, i64, i64, i64, String, String, Option<String>, Option<i64>);
        let rows: Vec<Row> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OPEN.text(dialect)).fetch_all(pool).await?
        });
        let read = |row: Row| {
            let (id, name, state, version, battery, station, station_name, device, terms_json, started_at_us) = row;
            let experiment = ExperimentId(id);
            Ok(OpenRun {
                experiment,
                name,
                state: read_state(experiment, &state)?,
                version,
                battery: BatteryId(battery),
                station: StationId(station),
                station_name,
                device: read_id(&device)?,
                terms: read_terms(experiment, terms_json.as_deref())?,
                started_at_us,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// What an experiment was started with; `None` of one that was not, or that its unit began by itself.
    ///
    /// # Errors
    /// When the database fails or holds what this version cannot read.
    pub async fn run_terms(&self, experiment: ExperimentId) -> Result<Option<RunTerms>, StoreError> {
        let row: Option<(Option<String>,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(TERMS.text(dialect)).bind(experiment.0).fetch_optional(pool).await?
        });
        read_terms(experiment, row.and_then(|(terms,)| terms).as_deref())
    }
}

fn read_terms(experiment: ExperimentId, json: Option<&str>) -> Result<Option<RunTerms>, StoreError> {
    json.map(serde_json::from_str).transpose().map_err(|error| StoreError::Unreadable {
        what: format!("terms of experiment {experiment}"),
        reason: error.to_string(),
    })
}
