//! The experiments that wait for a station: their order, and taking one out.

use serde_json::json;

use super::group::on_group;
use super::sql::{on_read, statements};
use super::transitions::{Move, read_state};
use super::{Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, ExperimentId, StationId};
use crate::store::experiments::{Experiment, QUEUE_MAX};

statements! {
    OF_STATION = "
        SELECT e.experiment_id, e.name, e.version, e.battery_id, b.name, p.name, e.added_by, e.created_at_us
        FROM experiment e
        LEFT JOIN battery b ON b.battery_id = e.battery_id
        LEFT JOIN profile p ON p.profile_id = e.profile_id
        WHERE e.station_id = ? AND e.state = 'queued'
        ORDER BY e.queue_position, e.experiment_id
        LIMIT ?";
    ORDER = "
        SELECT experiment_id, version, queue_position
        FROM experiment
        WHERE station_id = ? AND state = 'queued'
        ORDER BY queue_position, experiment_id
        LIMIT ?" | "
        SELECT experiment_id, version, queue_position
        FROM experiment
        WHERE station_id = ? AND state = 'queued'
        ORDER BY queue_position, experiment_id
        LIMIT ?
        FOR UPDATE";
    SET_POSITION = "
        UPDATE experiment
        SET queue_position = ?, version = version + 1
        WHERE experiment_id = ? AND version = ?";
    AT_WORK = "
        SELECT experiment_id, name, state
        FROM experiment
        WHERE station_id = ? AND state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')
        ORDER BY experiment_id
        LIMIT 1";
    STATION_NAME = "
        SELECT name
        FROM station
        WHERE station_id = ?";
}

/// An experiment that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Key.
    pub experiment: ExperimentId,
    /// What people call it.
    pub name: String,
    /// Grows with each change.
    pub version: i64,
    /// What is cycled.
    pub battery: BatteryId,
    /// Its name.
    pub battery_name: String,
    /// How.
    pub profile_name: String,
    /// Who queued it.
    pub added_by: String,
    /// When, µs UTC.
    pub created_at_us: i64,
}

/// One place forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Sooner.
    Up,
    /// Later.
    Down,
}

type WaitingRow = (i64, String, i64, i64, Option<String>, Option<String>, String, i64);

impl Store {
    /// The experiments that wait for a station, in their order; at most [`QUEUE_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue(&self, station: StationId) -> Result<Vec<Waiting>, StoreError> {
        let rows: Vec<WaitingRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_STATION.text(dialect)).bind(station.0).bind(QUEUE_MAX).fetch_all(pool).await?
        });
        let read =
            |(id, name, version, battery, battery_name, profile_name, added_by, created_at_us): WaitingRow| Waiting {
                experiment: ExperimentId(id),
                name,
                version,
                battery: BatteryId(battery),
                battery_name: battery_name.unwrap_or_default(),
                profile_name: profile_name.unwrap_or_default(),
                added_by,
                created_at_us,
            };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The experiment a station works on, if any: key, name, state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn experiment_at_work(
        &self,
        station: StationId,
    ) -> Result<Option<(ExperimentId, String, ExperimentState)>, StoreError> {
        let row: Option<(i64, String, String)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(AT_WORK.text(dialect)).bind(station.0).fetch_optional(pool).await?
        });
        let read = |(id, name, state): (i64, String, String)| {
            let id = ExperimentId(id);
            Ok((id, name, read_state(id, &state)?))
        };
        row.map(read).transpose()
    }

    /// Name of a station; `None` when there is no such one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_name(&self, station: StationId) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(STATION_NAME.text(dialect)).bind(station.0).fetch_optional(pool).await?
        });
        Ok(row.map(|(name,)| name))
    }

    /// Takes an experiment out of the queue for good, as it was read at `version`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it no longer waits, or somebody else changed it.
    pub async fn cancel_experiment(
        &self,
        by: &Actor,
        experiment: &Experiment,
        reason: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        if !experiment.state.is_waiting() {
            return Err(StoreError::Conflict(format!(
                "Experiment {} does not wait any more: {}.",
                experiment.experiment,
                experiment.state.title().to_lowercase()
            )));
        }
        let mut group = self.begin_group().await?;
        let change = Move {
            experiment: experiment.experiment,
            version: experiment.version,
            from: experiment.state,
            to: ExperimentState::Aborted,
            actor: &by.name,
            reason,
        };
        if !group.move_experiment(change, now_us).await? {
            return Err(changed_meanwhile(experiment.experiment));
        }
        let told = Change::new("cancel experiment", format!("experiment {}", experiment.experiment))
            .from(json!({ "state": experiment.state.as_str() }))
            .to(json!({ "state": ExperimentState::Aborted.as_str() }))
            .because(reason);
        group.audit(by, &told, now_us).await?;
        group.commit().await
    }

    /// Moves a waiting experiment one place, as it was read at `version`; `false` when it is at that end already.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it no longer waits there, or somebody else moved it.
    pub async fn move_in_queue(
        &self,
        by: &Actor,
        station: StationId,
        experiment: ExperimentId,
        version: i64,
        direction: Direction,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let mut order: Vec<(i64, i64, i64)> = on_group!(group, conn, dialect => {
            sqlx::query_as(ORDER.text(dialect)).bind(station.0).bind(QUEUE_MAX).fetch_all(conn).await?
        });
        let at = order.iter().position(|(id, found, _)| *id == experiment.0 && *found == version);
        let Some(at) = at else { return Err(changed_meanwhile(experiment)) };
        let to = match direction {
            Direction::Up => at.checked_sub(1),
            Direction::Down => Some(at + 1).filter(|to| *to < order.len()),
        };
        let Some(to) = to else { return Ok(false) };
        order.swap(at, to);
        // Positions may have gaps and ties; whoever stands where the numbers say so already is left alone.
        for ((id, version, had), position) in order.into_iter().zip(1_i64..) {
            if had == position && id != experiment.0 {
                continue;
            }
            let moved = on_group!(group, conn, dialect => {
                sqlx::query(SET_POSITION.text(dialect))
                    .bind(position)
                    .bind(id)
                    .bind(version)
                    .execute(conn)
                    .await?
                    .rows_affected()
            });
            if moved != 1 {
                return Err(changed_meanwhile(ExperimentId(id)));
            }
            group.touch_experiment(ExperimentId(id));
        }
        let told = Change::new("move experiment", format!("experiment {experiment}"))
            .from(json!({ "station_id": station.0, "place": at + 1 }))
            .to(json!({ "station_id": station.0, "place": to + 1 }));
        group.audit(by, &told, now_us).await?;
        group.commit().await?;
        Ok(true)
    }
}

fn changed_meanwhile(experiment: ExperimentId) -> StoreError {
    StoreError::Conflict(format!(
        "Experiment {experiment} was changed by somebody else, or has begun. Look at the queue as it is now."
    ))
}
