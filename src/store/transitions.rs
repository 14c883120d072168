//! Changes of an experiment's state: each is one compare-and-set and one row that tells of it, in one transaction.

use super::group::on_group;
use super::sql::{on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{ExperimentId, StationId};
use crate::domain::run_state;

statements! {
    AT_STATION = "
        SELECT state, version, reason, ends_as
        FROM experiment
        WHERE experiment_id = ? AND station_id = ?" | "
        SELECT state, version, reason, ends_as
        FROM experiment
        WHERE experiment_id = ? AND station_id = ?
        FOR UPDATE";
    MOVE = "
        UPDATE experiment
        SET
            state = ?,
            reason = ?,
            started_at_us = COALESCE(started_at_us, ?),
            finished_at_us = COALESCE(finished_at_us, ?),
            updated_at_us = ?,
            live_station_id = CASE WHEN ? THEN NULL ELSE live_station_id END,
            live_battery_id = CASE WHEN ? THEN NULL ELSE live_battery_id END,
            wait_reason = '',
            version = version + 1
        WHERE experiment_id = ? AND version = ? AND state = ?";
    END_AS_FAULT = "
        UPDATE experiment
        SET ends_as = 'fault'
        WHERE experiment_id = ?";
    WITHDRAW = "
        UPDATE outbox
        SET state = 'expired', reason = 'the run is over'
        WHERE experiment_id = ? AND state IN ('queued', 'sent', 'accepted')";
    INSERT = "
        INSERT INTO transition (experiment_id, at_us, from_state, to_state, actor, reason)
        VALUES (?, ?, ?, ?, ?, ?)";
    OF_EXPERIMENT = "
        SELECT at_us, from_state, to_state, actor, reason
        FROM transition
        WHERE experiment_id = ?
        ORDER BY transition_id DESC
        LIMIT ?";
    WAITING_AT = "
        SELECT experiment_id
        FROM experiment
        WHERE station_id = ? AND state IN ('draft', 'queued')";
    NEXT_CHANGE = "
        UPDATE experiment_change
        SET seq = seq + 1
        WHERE experiment_change_id = 1";
    STAMP = "
        UPDATE experiment
        SET change_seq = (SELECT seq FROM experiment_change WHERE experiment_change_id = 1)
        WHERE experiment_id = ?";
}

/// Most changes of state shown of one experiment: more than a person reads.
pub const TRANSITIONS_MAX: i64 = 200;
/// Longest reason kept, in characters.
const REASON_MAX: usize = 500;

/// A change of state that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// When, µs UTC.
    pub at_us: i64,
    /// From which state; `None` when the experiment was added.
    pub from: Option<ExperimentState>,
    /// To which state.
    pub to: ExperimentState,
    /// Who: a user name, or the id of the unit that reported it.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
}

/// A change of state to be made.
#[derive(Debug, Clone, Copy)]
pub struct Move<'a> {
    /// Of which experiment.
    pub experiment: ExperimentId,
    /// Its version when the change was decided.
    pub version: i64,
    /// Its state then.
    pub from: ExperimentState,
    /// Its state from now on.
    pub to: ExperimentState,
    /// Who: a user name, or the id of the unit that reported it.
    pub actor: &'a str,
    /// Why; may be empty.
    pub reason: &'a str,
}

impl Group {
    /// Changes the state of an experiment; `false` when it is no longer as it was when the change was decided. Commands that
    /// belong to a run are withdrawn when it is over: a stop that came late must not end the next one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when no experiment may change like that, or when the database fails.
    pub async fn move_experiment(&mut self, change: Move<'_>, now_us: i64) -> Result<bool, StoreError> {
        if !run_state::is_allowed(change.from, change.to) {
            return Err(StoreError::Conflict(format!(
                "Experiment {} cannot go from “{}” to “{}”.",
                change.experiment,
                change.from.title(),
                change.to.title()
            )));
        }
        let frees_place = change.to.is_over() || change.to.is_waiting();
        let reason: String = change.reason.chars().take(REASON_MAX).collect();
        let starts = matches!(change.to, ExperimentState::Running | ExperimentState::Paused);
        let moved = on_group!(self, conn, dialect => {
            sqlx::query(MOVE.text(dialect))
                .bind(change.to.as_str())
                .bind(&reason)
                .bind(starts.then_some(now_us))
                .bind(change.to.is_over().then_some(now_us))
                .bind(now_us)
                .bind(frees_place)
                .bind(frees_place)
                .bind(change.experiment.0)
                .bind(change.version)
                .bind(change.from.as_str())
                .execute(conn)
                .await?
                .rows_affected()
        });
        if moved == 1 {
            #[cfg(debug_assertions)]
            {
                self.edge = format!("{}-{}", change.from.as_str(), change.to.as_str());
            }
            self.tell_transition(change.experiment, Some(change.from), change.to, change.actor, &reason, now_us)
                .await?;
            if change.to.is_over() {
                on_group!(self, conn, dialect => {
                    sqlx::query(WITHDRAW.text(dialect)).bind(change.experiment.0).execute(conn).await?;
                });
            }
        }
        Ok(moved == 1)
    }

    /// Moves the experiment of a station as its unit reports it; `false` when that changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn report_experiment(
        &mut self,
        station: StationId,
        experiment: ExperimentId,
        to: ExperimentState,
        unit: &str,
        reason: &str,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let row: Option<(String, i64, String, Option<String>)> = on_group!(self, conn, dialect => {
            sqlx::query_as(AT_STATION.text(dialect)).bind(experiment.0).bind(station.0).fetch_optional(conn).await?
        });
        let Some((from, version, ordered_because, ends_as)) = row else { return Ok(false) };
        let from = read_state(experiment, &from)?;
        // Why it was stopped says more than that it was.
        let is_ordered_end = from == ExperimentState::Stopping && to == ExperimentState::Stopped;
        let reason = if is_ordered_end && !ordered_because.is_empty() { &ordered_because } else { reason };
        let to = if is_ordered_end && ends_as.is_some() { ExperimentState::Fault } else { to };
        if !run_state::may_be_reported(from, to) {
            return Ok(false);
        }
        self.move_experiment(Move { experiment, version, from, to, actor: unit, reason }, now_us).await
    }

    /// Notes that a run that is being stopped ends as a fault: not a person ended it but something that was wrong.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_as_fault(&mut self, experiment: ExperimentId) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(END_AS_FAULT.text(dialect)).bind(experiment.0).execute(conn).await?;
        });
        Ok(())
    }

    /// Writes the row that tells of a change of state.
    pub(super) async fn tell_transition(
        &mut self,
        experiment: ExperimentId,
        from: Option<ExperimentState>,
        to: ExperimentState,
        actor: &str,
        reason: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let actor: String = actor.chars().take(64).collect();
        on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(experiment.0)
                .bind(now_us)
                .bind(from.map(ExperimentState::as_str))
                .bind(to.as_str())
                .bind(&actor)
                .bind(reason)
                .execute(conn)
                .await?;
        });
        self.touch_experiment(experiment);
        Ok(())
    }

    /// Notes that this group changes every experiment that waits for a station.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn touch_waiting(&mut self, station: StationId) -> Result<(), StoreError> {
        let waiting: Vec<(i64,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(WAITING_AT.text(dialect)).bind(station.0).fetch_all(conn).await?
        });
        self.touched_experiments.extend(waiting.into_iter().map(|(id,)| ExperimentId(id)));
        Ok(())
    }

    /// Gives every experiment this group changed the number of the change. The counter's row is locked from here to
    /// the commit, so whoever sees a number sees all changes with lower ones.
    pub(super) async fn stamp_experiments(&mut self) -> Result<(), StoreError> {
        let mut touched = std::mem::take(&mut self.touched_experiments);
        if touched.is_empty() {
            return Ok(());
        }
        touched.sort_unstable();
        touched.dedup();
        on_group!(self, conn, dialect => {
            sqlx::query(NEXT_CHANGE.text(dialect)).execute(conn).await?;
        });
        for experiment in touched {
            on_group!(self, conn, dialect => {
                sqlx::query(STAMP.text(dialect)).bind(experiment.0).execute(conn).await?;
            });
        }
        Ok(())
    }
}

impl Store {
    /// What happened to an experiment, the newest first, at most [`TRANSITIONS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn transitions(&self, experiment: ExperimentId) -> Result<Vec<Transition>, StoreError> {
        let rows: Vec<(i64, Option<String>, String, String, String)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_EXPERIMENT.text(dialect)).bind(experiment.0).bind(TRANSITIONS_MAX).fetch_all(pool).await?
        });
        let read = |(at_us, from, to, actor, reason): (i64, Option<String>, String, String, String)| {
            Ok(Transition {
                at_us,
                from: from.map(|from| read_state(experiment, &from)).transpose()?,
                to: read_state(experiment, &to)?,
                actor,
                reason,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

/// A stored word as a state.
pub(super) fn read_state(experiment: ExperimentId, word: &str) -> Result<ExperimentState, StoreError> {
    ExperimentState::from_word(word).ok_or_else(|| StoreError::Unreadable {
        what: format!("experiment {experiment}"),
        reason: format!("its state “{word}” is not known to this version"),
    })
}
