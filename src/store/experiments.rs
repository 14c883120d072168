//! Experiments: queued with the steps they will execute, and read with the names of what they are about.

mod row;

use serde_json::json;

pub use row::Experiment;
use row::Row;

use super::group::on_group;
use super::profiles::NewProfile;
use super::sql::{InsertedId, on_read, statements};
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
            e.queue_position, e.wait_reason, e.parent_experiment_id, e.added_by,
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
