//! Experiments.

use super::sql::{InsertedId, on_read, on_write, statements};
use super::{Store, StoreError};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, ExperimentId, ProfileId, StationId};

statements! {
    INSERT = "
        INSERT INTO experiment (name, battery_id, station_id, profile_id, state, created_at_us)
        VALUES (?, ?, ?, ?, ?, ?)";
    OPEN_AT_STATION = "
        SELECT experiment_id
        FROM experiment
        WHERE station_id = ? AND state IN ('queued', 'starting', 'running', 'paused', 'comms_lost')
        ORDER BY experiment_id
        LIMIT 1";
}

/// An experiment to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExperiment {
    /// What people call it.
    pub name: String,
    /// What is cycled.
    pub battery: BatteryId,
    /// Where.
    pub station: StationId,
    /// How.
    pub profile: ProfileId,
}

impl Store {
    /// Stores an experiment and queues it to its station.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_experiment(&self, experiment: &NewExperiment, now_us: i64) -> Result<ExperimentId, StoreError> {
        let id = on_write!(&self.db, pool, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(&experiment.name)
                .bind(experiment.battery.0)
                .bind(experiment.station.0)
                .bind(experiment.profile.0)
                .bind(ExperimentState::Queued.as_str())
                .bind(now_us)
                .execute(pool)
                .await?
                .inserted_id()
        });
        Ok(ExperimentId(id))
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
