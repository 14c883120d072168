//! Stops that were sent before they were stored: the command, and what follows for the run.

use serde_json::json;

use super::group::on_group;
use super::sql::{on_read, statements};
use super::transitions::{Move, read_state};
use super::{Group, Store, StoreError};
use crate::domain::command::Verb;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{CommandId, DeviceId, ExperimentId, StationId};

statements! {
    INSERT = "
        INSERT OR IGNORE INTO outbox (command_id, device_id, verb, payload_json, state, asked_by, created_at_us, sent_at_us,
            sent_count, experiment_id)
        VALUES (?, ?, ?, ?, 'sent', ?, ?, ?, 1, ?)" | "
        INSERT IGNORE INTO outbox (command_id, device_id, verb, payload_json, state, asked_by, created_at_us, sent_at_us,
            sent_count, experiment_id)
        VALUES (?, ?, ?, ?, 'sent', ?, ?, ?, 1, ?)";
    ANSWERED = "
        UPDATE outbox
        SET state = 'executed', answered_at_us = ?
        WHERE command_id = ? AND device_id = ? AND state IN ('queued', 'sent', 'accepted', 'expired')";
    MEASURED = "
        SELECT s.subject_id, MAX(l.row_total)
        FROM experiment e
        JOIN stream s ON s.subject_kind = 'experiment' AND s.subject_id = e.experiment_id
        JOIN latest l ON l.stream_id = s.stream_id
        WHERE e.state = 'running'
        GROUP BY s.subject_id";
    RUN = "
        SELECT state, version
        FROM experiment
        WHERE experiment_id = ?" | "
        SELECT state, version
        FROM experiment
        WHERE experiment_id = ?
        FOR UPDATE";
}

/// A stop that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopRecord<'a> {
    /// Its number: negative, as of every command that was sent before it was stored.
    pub command: CommandId,
    /// To whom.
    pub device: &'a DeviceId,
    /// Which station.
    pub station: StationId,
    /// Which run; `None` when the station had none.
    pub experiment: Option<ExperimentId>,
    /// Who.
    pub actor: &'a str,
    /// Why.
    pub reason: &'a str,
    /// When it was sent first, µs UTC.
    pub at_us: i64,
    /// Whether it was sent because nothing was heard of the run.
    pub is_silence: bool,
    /// Whether something was wrong, in contrast to somebody's wish.
    pub is_fault: bool,
}

impl Group {
    /// Notes a stop that was sent: its command, and that the run is stopping, or lost when it was silent; what else the run
    /// was ordered is withdrawn. A run that is over by now stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_stop(&mut self, stop: &StopRecord<'_>) -> Result<(), StoreError> {
        let mut payload = json!({ "station": stop.station, "reason": stop.reason });
        if let (Some(experiment), Some(payload)) = (stop.experiment, payload.as_object_mut()) {
            payload.insert("experiment".to_owned(), json!(experiment));
        }
        on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(stop.command.0)
                .bind(stop.device.as_str())
                .bind(Verb::Stop.as_str())
                .bind(payload.to_string())
                .bind(stop.actor.chars().take(64).collect::<String>())
                .bind(stop.at_us)
                .bind(stop.at_us)
                .bind(stop.experiment.map(|id| id.0))
                .execute(conn)
                .await?;
        });
        let Some(experiment) = stop.experiment else { return Ok(()) };
        let row: Option<(String, i64)> = on_group!(self, conn, dialect => {
            sqlx::query_as(RUN.text(dialect)).bind(experiment.0).fetch_optional(conn).await?
        });
        let Some((state, version)) = row else { return Ok(()) };
        let from = read_state(experiment, &state)?;
        let to = if stop.is_silence { ExperimentState::CommsLost } else { ExperimentState::Stopping };
        let is_under_way = matches!(
            from,
            ExperimentState::Starting
                | ExperimentState::Running
                | ExperimentState::Paused
                | ExperimentState::Finishing
                | ExperimentState::CommsLost
        );
        if is_under_way {
            self.withdraw_for_stop(experiment).await?;
        }
        if is_under_way && from != to {
            let change = Move { experiment, version, from, to, actor: stop.actor, reason: stop.reason };
            if self.move_experiment(change, stop.at_us).await? && stop.is_fault {
                self.end_as_fault(experiment).await?;
            }
        }
        Ok(())
    }

    /// Notes that a unit did what a stop asked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stop_answered(&mut self, command: CommandId, device: &DeviceId, at_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(ANSWERED.text(dialect))
                .bind(at_us)
                .bind(command.0)
                .bind(device.as_str())
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}

impl Store {
    /// How many rows each running experiment has: a number that rises is a run that somebody hears.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rows_of_running(&self) -> Result<Vec<(ExperimentId, i64)>, StoreError> {
        let rows: Vec<(i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(MEASURED.text(dialect)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(experiment, rows)| (ExperimentId(experiment), rows)).collect())
    }
}
