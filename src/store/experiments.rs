//! Experiments: queued with the steps they will execute, and read with the names of what they are about.

use serde_json::json;

use super::group::on_group;
use super::profiles::{NewProfile, from_json, resolved};
use super::sql::{InsertedId, on_read, statements};
use super::transitions::read_state;
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::experiment::{Electrolytes, ExperimentState};
use crate::domain::ids::{BatteryId, ExperimentId, ProfileId, StationId};
use crate::domain::profile::Steps;

statements! {
    INSERT = "
        INSERT INTO experiment
            (name, description, tags_json, electrolytes_json, battery_id, station_id, profile_id, steps_json, state,
             queue_position, parent_experiment_id, added_by, once_token, created_at_us, updated_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    BY_ONCE = "
        SELECT experiment_id
        FROM experiment
        WHERE once_token = ?";
    BATTERY_USE = "
        SELECT name, retired_at_us
        FROM battery
        WHERE battery_id = ?";
    STATION_USE = "
        SELECT name, retired_at_us, is_virtual
        FROM station
        WHERE station_id = ?" | "
        SELECT name, retired_at_us, is_virtual
        FROM station
        WHERE station_id = ?
        FOR UPDATE";
    PROFILE_USE = "
        SELECT name, retired_at_us
        FROM profile
        WHERE profile_id = ?";
    QUEUE_END = "
        SELECT COUNT(*), COALESCE(MAX(queue_position), 0)
        FROM experiment
        WHERE station_id = ? AND state = 'queued'";
    OPEN_AT_STATION = "
        SELECT experiment_id
        FROM experiment
        WHERE station_id = ? AND state IN ('queued', 'starting', 'running', 'paused', 'comms_lost')
        ORDER BY experiment_id
        LIMIT 1";
    BY_ID = "
        SELECT
            e.experiment_id, e.name, e.description, e.tags_json, e.electrolytes_json, e.state, e.version, e.reason,
            e.battery_id, b.name AS battery_name, b.technology, b.chemistry, b.capacity_ah,
            e.station_id, s.name AS station_name, s.device_id,
            e.profile_id, p.name AS profile_name, COALESCE(e.steps_json, p.steps_json) AS steps_json,
            e.queue_position, e.parent_experiment_id, e.added_by,
            e.created_at_us, e.started_at_us, e.finished_at_us
        FROM experiment e
        LEFT JOIN battery b ON b.battery_id = e.battery_id
        LEFT JOIN station s ON s.station_id = e.station_id
        LEFT JOIN profile p ON p.profile_id = e.profile_id
        WHERE e.experiment_id = ?";
}

/// Most experiments that wait for one station: more than a year's work.
pub const QUEUE_MAX: i64 = 500;

/// How often a transaction that met another one is tried.
const TRIES_MAX: u32 = 3;

/// An experiment to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExperiment {
    /// What people call it; several may have the same name.
    pub name: String,
    /// What a colleague should know.
    pub description: String,
    /// Sorted, each once.
    pub tags: Vec<String>,
    /// What is cycled.
    pub battery: BatteryId,
    /// Where.
    pub station: StationId,
    /// How.
    pub profile: ProfileId,
    /// The steps of the profile for this battery, kept whatever becomes of the profile; without them those of the
    /// profile count.
    pub steps: Option<Steps>,
    /// For redox-flow stacks.
    pub electrolytes: Option<Electrolytes>,
    /// The experiment it repeats.
    pub parent: Option<ExperimentId>,
}

impl NewExperiment {
    /// An experiment with a name and nothing more said of it.
    #[must_use]
    pub fn new(name: impl Into<String>, battery: BatteryId, station: StationId, profile: ProfileId) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            tags: Vec::new(),
            battery,
            station,
            profile,
            steps: None,
            electrolytes: None,
            parent: None,
        }
    }
}

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
struct Row {
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
    parent_experiment_id: Option<i64>,
    added_by: String,
    created_at_us: i64,
    started_at_us: Option<i64>,
    finished_at_us: Option<i64>,
}

impl Row {
    fn read(self) -> Result<Experiment, StoreError> {
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
            parent: self.parent_experiment_id.map(ExperimentId),
            added_by: self.added_by,
            created_at_us: self.created_at_us,
            started_at_us: self.started_at_us,
            finished_at_us: self.finished_at_us,
        })
    }
}

impl Store {
    /// Stores an experiment at the end of its station's queue. The same form sent twice (`once`) makes one.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when battery, station or profile is not there, [`StoreError::Conflict`] when the queue
    /// is full.
    pub async fn queue_experiment(
        &self,
        by: &Actor,
        experiment: &NewExperiment,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<ExperimentId, StoreError> {
        self.queue_with_profile(by, experiment, None, once, now_us).await
    }

    /// The same with a profile that is stored first, in the same transaction: either both are there or neither.
    ///
    /// # Errors
    /// As [`Store::queue_experiment`], and [`StoreError::Duplicate`] when the name of the profile is taken.
    pub async fn queue_with_profile(
        &self,
        by: &Actor,
        experiment: &NewExperiment,
        profile: Option<&NewProfile>,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<ExperimentId, StoreError> {
        let mut tries = 1;
        loop {
            let mut group = self.begin_group().await?;
            if let Some(made) = group.experiment_made(once).await? {
                return Ok(made);
            }
            let queued = match profile {
                None => group.queue_experiment(by, experiment, once, now_us).await,
                Some(profile) => match group.create_profile(by, profile, None, now_us).await {
                    Ok(profile) => {
                        let experiment = NewExperiment { profile, ..experiment.clone() };
                        group.queue_experiment(by, &experiment, once, now_us).await
                    }
                    Err(error) => Err(error),
                },
            };
            match queued {
                Ok(id) => {
                    group.commit().await?;
                    return Ok(id);
                }
                // Sent twice at the very same moment: the other one made it, and the next look finds it.
                Err(error) if (error.is_duplicate() || error.may_pass()) && tries < TRIES_MAX => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// One experiment.
    ///
    /// # Errors
    /// When the database fails or holds what this version cannot read.
    pub async fn experiment(&self, id: ExperimentId) -> Result<Option<Experiment>, StoreError> {
        let row: Option<Row> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ID.text(dialect)).bind(id.0).fetch_optional(pool).await?
        });
        row.map(Row::read).transpose()
    }

    /// The oldest experiment of a station that is not over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_experiment(&self, station: StationId) -> Result<Option<ExperimentId>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OPEN_AT_STATION.text(dialect)).bind(station.0).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| ExperimentId(id)))
    }
}

impl Group {
    /// The experiment that a form made when it was sent before.
    async fn experiment_made(&mut self, once: Option<&str>) -> Result<Option<ExperimentId>, StoreError> {
        let Some(once) = once else { return Ok(None) };
        let row: Option<(i64,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(BY_ONCE.text(dialect)).bind(once).fetch_optional(conn).await?
        });
        Ok(row.map(|(id,)| ExperimentId(id)))
    }

    /// Whether battery, station and profile are there and not retired. The station's row stays locked, so that it
    /// cannot be retired meanwhile.
    async fn check_usable(&mut self, experiment: &NewExperiment) -> Result<(), StoreError> {
        let battery: Option<(String, Option<i64>)> = on_group!(self, conn, dialect => {
            sqlx::query_as(BATTERY_USE.text(dialect)).bind(experiment.battery.0).fetch_optional(conn).await?
        });
        let station: Option<(String, Option<i64>, bool)> = on_group!(self, conn, dialect => {
            sqlx::query_as(STATION_USE.text(dialect)).bind(experiment.station.0).fetch_optional(conn).await?
        });
        let profile: Option<(String, Option<i64>)> = on_group!(self, conn, dialect => {
            sqlx::query_as(PROFILE_USE.text(dialect)).bind(experiment.profile.0).fetch_optional(conn).await?
        });
        let missing = |what: &'static str, id: i64| StoreError::Missing { what, name: id.to_string() };
        let battery = battery.ok_or_else(|| missing("such battery", experiment.battery.0))?;
        let station = station.ok_or_else(|| missing("such station", experiment.station.0))?;
        let profile = profile.ok_or_else(|| missing("such profile", experiment.profile.0))?;
        let retired = |name: &str| StoreError::Conflict(format!("{name} is retired. Choose another one."));
        for (name, retired_at_us) in [(battery.0, battery.1), (station.0.clone(), station.1), (profile.0, profile.1)] {
            if retired_at_us.is_some() {
                return Err(retired(&name));
            }
        }
        if station.2 {
            return Err(StoreError::Conflict(format!(
                "{} holds what was measured elsewhere; nothing can run there. Choose another station.",
                station.0
            )));
        }
        Ok(())
    }

    async fn queue_experiment(
        &mut self,
        by: &Actor,
        experiment: &NewExperiment,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<ExperimentId, StoreError> {
        self.check_usable(experiment).await?;
        let (waiting, last): (i64, i64) = on_group!(self, conn, dialect => {
            sqlx::query_as(QUEUE_END.text(dialect)).bind(experiment.station.0).fetch_one(conn).await?
        });
        if waiting >= QUEUE_MAX {
            return Err(StoreError::Conflict(format!(
                "{waiting} experiments wait for this station already. Choose another one, or cancel some."
            )));
        }
        let tags_json = json!(experiment.tags).to_string();
        let electrolytes_json = experiment.electrolytes.as_ref().map(|electrolytes| json!(electrolytes).to_string());
        let steps_json = experiment.steps.as_ref().map(|steps| json!(steps).to_string());
        let id = on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(&experiment.name)
                .bind(&experiment.description)
                .bind(&tags_json)
                .bind(&electrolytes_json)
                .bind(experiment.battery.0)
                .bind(experiment.station.0)
                .bind(experiment.profile.0)
                .bind(&steps_json)
                .bind(ExperimentState::Queued.as_str())
                .bind(last + 1)
                .bind(experiment.parent.map(|parent| parent.0))
                .bind(by.name.chars().take(64).collect::<String>())
                .bind(once)
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await?
                .inserted_id()
        });
        let id = ExperimentId(id);
        self.tell_transition(id, None, ExperimentState::Queued, &by.name, "", now_us).await?;
        let told = json!({
            "name": experiment.name,
            "battery_id": experiment.battery.0,
            "station_id": experiment.station.0,
            "profile_id": experiment.profile.0,
            "description": experiment.description,
            "tags": experiment.tags,
            "repeats": experiment.parent.map(|parent| parent.0),
        });
        self.audit(by, &Change::new("queue experiment", format!("experiment {id}")).to(told), now_us).await?;
        Ok(id)
    }
}
