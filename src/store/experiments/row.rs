//! An experiment as it is read, with the names of what it is about.

use crate::domain::experiment::{Electrolytes, ExperimentState};
use crate::domain::ids::{BatteryId, ExperimentId, ProfileId, StationId};
use crate::domain::profile::Steps;
use crate::store::StoreError;
use crate::store::profiles::{from_json, resolved};
use crate::store::transitions::read_state;

/// An experiment as stored, with the names of what it is about; a name is empty when that is no longer there.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Key.
    pub experiment: ExperimentId,
    /// What people call it.
    pub name: String,
    /// What a colleague should know; may have several lines.
    pub description: String,
    /// Sorted.
    pub tags: Vec<String>,
    /// For redox-flow stacks.
    pub electrolytes: Option<Electrolytes>,
    /// Where it stands.
    pub state: ExperimentState,
    /// Grows with each change.
    pub version: i64,
    /// Why it stands there; may be empty.
    pub reason: String,
    /// What is cycled.
    pub battery: BatteryId,
    /// Its name.
    pub battery_name: String,
    /// Word of its technology.
    pub technology: String,
    /// For example `NMC`.
    pub chemistry: String,
    /// Where.
    pub station: StationId,
    /// Its name.
    pub station_name: String,
    /// The unit that drives it, if any.
    pub unit: Option<String>,
    /// How.
    pub profile: ProfileId,
    /// Its name.
    pub profile_name: String,
    /// What the station executes; `None` when the stored steps cannot be read by this version.
    pub steps: Option<Steps>,
    /// Place in the queue, for the order only.
    pub queue_position: i64,
    /// Why it still waits, where the scheduler said so; may be empty.
    pub wait_reason: String,
    /// The experiment it repeats.
    pub parent: Option<ExperimentId>,
    /// Who queued it; empty for nobody known.
    pub added_by: String,
    /// When it was queued, µs UTC.
    pub created_at_us: i64,
    /// When it began, µs UTC.
    pub started_at_us: Option<i64>,
    /// When it ended, µs UTC.
    pub finished_at_us: Option<i64>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    experiment_id: i64,
    name: String,
    description: String,
    tags_json: String,
    electrolytes_json: Option<String>,
    state: String,
    version: i64,
    reason: String,
    battery_id: i64,
    battery_name: Option<String>,
    technology: Option<String>,
    chemistry: Option<String>,
    capacity_ah: Option<f64>,
    station_id: i64,
    station_name: Option<String>,
    device_id: Option<String>,
    profile_id: i64,
    profile_name: Option<String>,
    steps_json: Option<String>,
    queue_position: i64,
    wait_reason: String,
    parent_experiment_id: Option<i64>,
    added_by: String,
    created_at_us: i64,
    started_at_us: Option<i64>,
    finished_at_us: Option<i64>,
}

impl Row {
    pub(super) fn read(self) -> Result<Experiment, StoreError> {
        let experiment = ExperimentId(self.experiment_id);
        let unreadable = |error: serde_json::Error| StoreError::Unreadable {
            what: format!("experiment {experiment}"),
            reason: error.to_string(),
        };
        let electrolytes = self.electrolytes_json.as_deref().map(serde_json::from_str).transpose();
        Ok(Experiment {
            experiment,
            name: self.name,
            description: self.description,
            tags: serde_json::from_str(&self.tags_json).map_err(unreadable)?,
            electrolytes: electrolytes.map_err(unreadable)?,
            state: read_state(experiment, &self.state)?,
            version: self.version,
            reason: self.reason,
            battery: BatteryId(self.battery_id),
            battery_name: self.battery_name.unwrap_or_default(),
            technology: self.technology.unwrap_or_default(),
            chemistry: self.chemistry.unwrap_or_default(),
            station: StationId(self.station_id),
            station_name: self.station_name.unwrap_or_default(),
            unit: self.device_id,
            profile: ProfileId(self.profile_id),
            profile_name: self.profile_name.unwrap_or_default(),
            steps: self
                .steps_json
                .and_then(|json| from_json(&json, String::new).ok())
                .map(|program| resolved(&program, self.capacity_ah)),
            queue_position: self.queue_position,
            wait_reason: self.wait_reason,
            parent: self.parent_experiment_id.map(ExperimentId),
            added_by: self.added_by,
            created_at_us: self.created_at_us,
            started_at_us: self.started_at_us,
            finished_at_us: self.finished_at_us,
        })
    }
}
