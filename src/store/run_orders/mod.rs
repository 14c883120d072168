//! Orders of runs: start, stop, pause, resume. Each is one transaction: the change of state by compare-and-set, the row that
//! tells of it, and the command in the outbox. Nothing is sent that was not decided, nothing decided is forgotten.

pub mod doubt;
pub mod heads;
pub mod hold;
pub mod reply;
pub mod start;
pub mod strays;

use serde_json::json;

use super::devices::read_id;
use super::group::on_group;
use super::outbox::NewCommand;
use super::sql::{on_read, statements};
use super::transitions::{Move, read_state};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::command::Verb;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{CommandId, DeviceId, ExperimentId, StationId};

statements! {
    RUN = "
        SELECT state, version, station_id
        FROM experiment
        WHERE experiment_id = ?" | "
        SELECT state, version, station_id
        FROM experiment
        WHERE experiment_id = ?
        FOR UPDATE";
    UNIT_OF = "
        SELECT device_id
        FROM station
        WHERE station_id = ?";
    OPEN = "
        SELECT command_id
        FROM outbox
        WHERE experiment_id = ? AND verb = ? AND state IN ('queued', 'sent', 'accepted')
            AND (expires_at_us IS NULL OR expires_at_us > ?)
        ORDER BY command_id DESC
        LIMIT 1";
    WITHDRAW = "
        UPDATE outbox
        SET state = 'expired', reason = ?
        WHERE experiment_id = ? AND verb = ? AND state IN ('queued', 'sent', 'accepted')";
    TOUCH = "
        UPDATE experiment
        SET version = version + 1
        WHERE experiment_id = ? AND version = ? AND state = ?";
    LAST = "
        SELECT verb, state, reason, asked_by, created_at_us
        FROM outbox
        WHERE experiment_id = ? AND verb IN ('start', 'stop', 'pause', 'resume')
        ORDER BY command_id DESC
        LIMIT 1";
}

/// How long a unit may take to pause or resume, µs; then the order is forgotten, because nobody wants it to happen later.
const PAUSE_US: i64 = 30_000_000;
/// How often an order that met another change is tried.
const TRIES_MAX: u32 = 5;

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The unit is told by this command.
    Ordered(CommandId),
    /// It was ordered before, or is so already.
    Already,
}

/// A run as orders see it, its row locked.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) experiment: ExperimentId,
    pub(super) state: ExperimentState,
    pub(super) version: i64,
    pub(super) station: StationId,
}

/// The last order a run was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastOrder {
    /// `start`, `stop`, `pause` or `resume`.
    pub verb: String,
    /// Word of where it stands.
    pub state: String,
    /// Why not, in words.
    pub reason: String,
    /// Who gave it.
    pub asked_by: String,
    /// When, µs UTC.
    pub created_at_us: i64,
}

/// What an order does to a run that is as it should be for it.
enum Step {
    Done(Asked),
    /// Somebody else changed it meanwhile: look again.
    Again,
}

impl Store {
    /// Orders a run to stop. A start that is still on its way is withdrawn. Asked again while it is asked, it stays one
    /// command; the stop of what is over already is nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the experiment only waits, [`StoreError::Missing`] when there is none.
    pub async fn ask_stop(
        &self,
        by: &Actor,
        experiment: ExperimentId,
        reason: &str,
        now_us: i64,
    ) -> Result<Asked, StoreError> {
        self.ask(by, experiment, Verb::Stop, reason, now_us).await
    }

    /// Orders a run to pause: output off, to be resumed in the same step. It is paused when its unit says so.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it does not run, [`StoreError::Missing`] when there is none.
    pub async fn ask_pause(
        &self,
        by: &Actor,
        experiment: ExperimentId,
        reason: &str,
        now_us: i64,
    ) -> Result<Asked, StoreError> {
        self.ask(by, experiment, Verb::Pause, reason, now_us).await
    }

    /// Orders a paused run to go on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is not paused, [`StoreError::Missing`] when there is none.
    pub async fn ask_resume(
        &self,
        by: &Actor,
        experiment: ExperimentId,
        reason: &str,
        now_us: i64,
    ) -> Result<Asked, StoreError> {
        self.ask(by, experiment, Verb::Resume, reason, now_us).await
    }

    async fn ask(
        &self,
        by: &Actor,
        experiment: ExperimentId,
        verb: Verb,
        reason: &str,
        now_us: i64,
    ) -> Result<Asked, StoreError> {
        let mut tries = 1;
        loop {
            let error = match self.try_ask(by, experiment, verb, reason, now_us).await {
                Ok(Step::Done(asked)) => return Ok(asked),
                Ok(Step::Again) => {
                    StoreError::Conflict(format!("Experiment {experiment} changes too fast. Try again."))
                }
                Err(error) if error.may_pass() => error,
                Err(error) => return Err(error),
            };
            if tries == TRIES_MAX {
                return Err(error);
            }
            tries += 1;
        }
    }

    async fn try_ask(
        &self,
        by: &Actor,
        experiment: ExperimentId,
        verb: Verb,
        reason: &str,
        now_us: i64,
    ) -> Result<Step, StoreError> {
        let mut group = self.begin_group().await?;
        let run = group.run(experiment).await?;
        let step = match verb {
            Verb::Stop => group.try_stop(by, &run, reason, now_us).await?,
            _ => group.try_hold(by, &run, verb, reason, now_us).await?,
        };
        if let Step::Done(Asked::Ordered(_)) = step {
            let told = Change::new(action(verb), format!("experiment {experiment}"))
                .from(json!({ "state": run.state.as_str() }))
                .because(reason);
            group.audit(by, &told, now_us).await?;
            group.commit().await?;
        }
        Ok(step)
    }

    /// The last order a run was given, if any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_order(&self, experiment: ExperimentId) -> Result<Option<LastOrder>, StoreError> {
        let row: Option<(String, String, String, String, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LAST.text(dialect)).bind(experiment.0).fetch_optional(pool).await?
        });
        Ok(row.map(|(verb, state, reason, asked_by, created_at_us)| LastOrder {
            verb,
            state,
            reason,
            asked_by,
            created_at_us,
        }))
    }
}

fn action(verb: Verb) -> &'static str {
    match verb {
        Verb::Stop => "stop experiment",
        Verb::Pause => "pause experiment",
        _ => "resume experiment",
    }
}

impl Group {
    /// A run, its row locked until the commit.
    pub(super) async fn run(&mut self, experiment: ExperimentId) -> Result<Run, StoreError> {
        let row: Option<(String, i64, i64)> = on_group!(self, conn, dialect => {
            sqlx::query_as(RUN.text(dialect)).bind(experiment.0).fetch_optional(conn).await?
        });
        let (state, version, station) =
            row.ok_or_else(|| StoreError::Missing { what: "such experiment", name: experiment.to_string() })?;
        let state = read_state(experiment, &state)?;
        Ok(Run { experiment, state, version, station: StationId(station) })
    }

    async fn try_stop(&mut self, by: &Actor, run: &Run, reason: &str, now_us: i64) -> Result<Step, StoreError> {
        if run.state.is_over() {
            return Ok(Step::Done(Asked::Already));
        }
        if run.state.is_waiting() {
            return Err(StoreError::Conflict(format!(
                "Experiment {} has not begun. Cancel it instead.",
                run.experiment
            )));
        }
        if run.state == ExperimentState::Stopping && self.open_order(run.experiment, Verb::Stop, now_us).await? {
            return Ok(Step::Done(Asked::Already));
        }
        let ordered = self.order_stop(by, run, reason, now_us).await?;
        Ok(ordered.map_or(Step::Again, |command| Step::Done(Asked::Ordered(command))))
    }

    /// Moves a run to `stopping`, withdraws what else was ordered, and tells its unit; `None` when the run changed meanwhile.
    pub(super) async fn order_stop(
        &mut self,
        by: &Actor,
        run: &Run,
        reason: &str,
        now_us: i64,
    ) -> Result<Option<CommandId>, StoreError> {
        let unit = self.unit_of(run).await?;
        if run.state != ExperimentState::Stopping {
            let change = Move {
                experiment: run.experiment,
                version: run.version,
                from: run.state,
                to: ExperimentState::Stopping,
                actor: &by.name,
                reason,
            };
            if !self.move_experiment(change, now_us).await? {
                return Ok(None);
            }
        }
        self.withdraw_for_stop(run.experiment).await?;
        let payload = json!({ "station": run.station, "experiment": run.experiment, "reason": reason });
        let stop = NewCommand { device: &unit, verb: Verb::Stop, payload, expires_at_us: None };
        Ok(Some(self.add_run_command(by, &stop, run.experiment, now_us).await?))
    }

    /// Pauses or resumes. The state changes when the unit reports it; the version changes now, so that of two orders at
    /// once one is told to look again.
    async fn try_hold(
        &mut self,
        by: &Actor,
        run: &Run,
        verb: Verb,
        reason: &str,
        now_us: i64,
    ) -> Result<Step, StoreError> {
        let (from, to) = match verb {
            Verb::Pause => (ExperimentState::Running, ExperimentState::Paused),
            _ => (ExperimentState::Paused, ExperimentState::Running),
        };
        if run.state == to || self.open_order(run.experiment, verb, now_us).await? {
            return Ok(Step::Done(Asked::Already));
        }
        if run.state != from {
            return Err(StoreError::Conflict(format!(
                "Experiment {} cannot be {}: its state is “{}”.",
                run.experiment,
                if verb == Verb::Pause { "paused" } else { "resumed" },
                run.state.title().to_lowercase()
            )));
        }
        let unit = self.unit_of(run).await?;
        let touched = on_group!(self, conn, dialect => {
            sqlx::query(TOUCH.text(dialect))
                .bind(run.experiment.0)
                .bind(run.version)
                .bind(run.state.as_str())
                .execute(conn)
                .await?
                .rows_affected()
        });
        if touched != 1 {
            return Ok(Step::Again);
        }
        self.touch_experiment(run.experiment);
        let payload = json!({ "station": run.station, "experiment": run.experiment, "reason": reason });
        let expires_at_us = Some(now_us + PAUSE_US);
        let order = NewCommand { device: &unit, verb, payload, expires_at_us };
        Ok(Step::Done(Asked::Ordered(self.add_run_command(by, &order, run.experiment, now_us).await?)))
    }

    /// The unit that drives a run.
    async fn unit_of(&mut self, run: &Run) -> Result<DeviceId, StoreError> {
        let row: Option<(Option<String>,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(UNIT_OF.text(dialect)).bind(run.station.0).fetch_optional(conn).await?
        });
        match row {
            Some((Some(unit),)) => read_id(&unit),
            _ => Err(StoreError::Conflict(format!("No unit drives station {}: nobody can be told.", run.station))),
        }
    }

    /// Whether an order of this kind waits for its answer.
    async fn open_order(&mut self, experiment: ExperimentId, verb: Verb, now_us: i64) -> Result<bool, StoreError> {
        let open: Option<(i64,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(OPEN.text(dialect))
                .bind(experiment.0)
                .bind(verb.as_str())
                .bind(now_us)
                .fetch_optional(conn)
                .await?
        });
        Ok(open.is_some())
    }

    /// Withdraws what else a run was ordered: nothing of it may reach the unit after the stop.
    pub(super) async fn withdraw_for_stop(&mut self, experiment: ExperimentId) -> Result<(), StoreError> {
        for verb in [Verb::Start, Verb::Pause, Verb::Resume] {
            self.withdraw(experiment, verb, "a stop was ordered").await?;
        }
        Ok(())
    }

    /// Ends the open orders of a kind: they are not sent any more.
    async fn withdraw(&mut self, experiment: ExperimentId, verb: Verb, reason: &str) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(WITHDRAW.text(dialect))
                .bind(reason)
                .bind(experiment.0)
                .bind(verb.as_str())
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}
