//! Runs that are not as they were ordered: what is known of them, and what is done once the unit has answered.

use serde_json::json;

use crate::domain::audit::Actor;
use crate::domain::command::{CommandState, Verb};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{DeviceId, ExperimentId};
use crate::domain::run_doubt::{Facts, Told, Verdict};
use crate::domain::station::StationState;
use crate::store::devices::read_id;
use crate::store::group::on_group;
use crate::store::outbox::NewCommand;
use crate::store::sql::{on_read, statements};
use crate::store::transitions::{Move, read_state};
use crate::store::{Group, Store, StoreError};

statements! {
    OPEN = "
        SELECT e.experiment_id, e.state, e.version, e.updated_at_us, s.device_id, s.state AS station_state,
            s.experiment_id AS station_experiment_id, s.reported_at_us, d.seen_at_us,
            (SELECT o.command_id FROM outbox o
                WHERE o.experiment_id = e.experiment_id
                    AND o.verb = CASE WHEN e.state IN ('stopping', 'comms_lost') THEN 'stop' ELSE 'start' END
                ORDER BY o.created_at_us DESC, o.command_id DESC LIMIT 1) AS order_id,
            (SELECT MAX(o.command_id) FROM outbox o
                WHERE o.experiment_id = e.experiment_id AND o.verb = 'get_state') AS ask_id
        FROM experiment e
        JOIN station s ON s.station_id = e.station_id
        LEFT JOIN device d ON d.device_id = s.device_id
        WHERE e.state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')
            AND s.device_id IS NOT NULL
        ORDER BY e.experiment_id";
    TOLD = "
        SELECT state, created_at_us, COALESCE(answered_at_us, expires_at_us)
        FROM outbox
        WHERE command_id = ?";
    STARTS = "
        SELECT COUNT(*)
        FROM outbox
        WHERE experiment_id = ? AND verb = 'start'";
    ENDS_AS = "
        SELECT ends_as, reason
        FROM experiment
        WHERE experiment_id = ?";
}

/// How long a unit may take to say what it does, µs.
const ASK_US: i64 = 10_000_000;

/// A run that may be in doubt.
#[derive(Debug, Clone)]
pub struct DoubtedRun {
    /// Which.
    pub experiment: ExperimentId,
    /// Its version when it was looked at.
    pub version: i64,
    /// The unit that drives it.
    pub unit: DeviceId,
    /// What is known.
    pub facts: Facts,
}

#[derive(sqlx::FromRow)]
struct Row {
    experiment_id: i64,
    state: String,
    version: i64,
    updated_at_us: i64,
    device_id: String,
    station_state: String,
    station_experiment_id: Option<i64>,
    reported_at_us: Option<i64>,
    seen_at_us: Option<i64>,
    order_id: Option<i64>,
    ask_id: Option<i64>,
}

impl Row {
    fn is_at_work(&self) -> bool {
        let works = [StationState::Running, StationState::Paused].map(StationState::as_str);
        self.station_experiment_id == Some(self.experiment_id) && works.contains(&self.station_state.as_str())
    }

    /// Whether a closer look may find something to do.
    fn is_suspect(&self, state: ExperimentState) -> bool {
        matches!(state, ExperimentState::Starting | ExperimentState::Stopping | ExperimentState::CommsLost)
            || (!self.is_at_work() && self.reported_at_us > Some(self.updated_at_us))
    }
}

impl Store {
    /// The runs that may not be as they were ordered, with all that is known of each.
    ///
    /// # Errors
    /// When the database fails or holds what this version cannot read.
    pub async fn doubted_runs(&self) -> Result<Vec<DoubtedRun>, StoreError> {
        let rows: Vec<Row> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OPEN.text(dialect)).fetch_all(pool).await?
        });
        let mut runs = Vec::new();
        for row in rows {
            let experiment = ExperimentId(row.experiment_id);
            let state = read_state(experiment, &row.state)?;
            // Few are: the rest costs no further question.
            if !row.is_suspect(state) {
                continue;
            }
            let facts = Facts {
                state,
                moved_at_us: row.updated_at_us,
                order: self.told(row.order_id).await?,
                ask: self.told(row.ask_id).await?,
                is_at_work: row.is_at_work(),
                reported_at_us: row.reported_at_us,
                unit_seen_at_us: row.seen_at_us,
                starts: self.starts(experiment).await?,
            };
            runs.push(DoubtedRun { experiment, version: row.version, unit: read_id(&row.device_id)?, facts });
        }
        Ok(runs)
    }

    async fn told(&self, command: Option<i64>) -> Result<Option<Told>, StoreError> {
        let Some(command) = command else { return Ok(None) };
        let row: Option<(String, i64, Option<i64>)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(TOLD.text(dialect)).bind(command).fetch_optional(pool).await?
        });
        let read = |(state, created_at_us, closed_at_us): (String, i64, Option<i64>)| {
            let state = CommandState::from_word(&state).ok_or_else(|| StoreError::Unreadable {
                what: format!("command {command}"),
                reason: format!("state “{state}”"),
            })?;
            Ok(Told { state, created_at_us, closed_at_us })
        };
        row.map(read).transpose()
    }

    async fn starts(&self, experiment: ExperimentId) -> Result<i64, StoreError> {
        let (count,): (i64,) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(STARTS.text(dialect)).bind(experiment.0).fetch_one(pool).await?
        });
        Ok(count)
    }

    /// Asks a unit what its stations do, on behalf of a run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask_state(
        &self,
        by: &Actor,
        unit: &DeviceId,
        experiment: ExperimentId,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let expires_at_us = Some(now_us + ASK_US);
        let new = NewCommand { device: unit, verb: Verb::GetState, payload: json!({}), expires_at_us };
        group.add_run_command(by, &new, experiment, now_us).await?;
        group.commit().await
    }

    /// Does what was found out about a run; `false` when it has changed since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle(
        &self,
        by: &Actor,
        run: &DoubtedRun,
        verdict: Verdict,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let unit = &run.unit;
        let (to, reason) = match verdict {
            Verdict::Leave => return Ok(false),
            Verdict::Ask => {
                self.ask_state(by, unit, run.experiment, now_us).await?;
                return Ok(true);
            }
            Verdict::StopAgain => {
                let mut group = self.begin_group().await?;
                let (_, reason) = group.ends_as(run.experiment).await?;
                let present = group.run(run.experiment).await?;
                if present.version != run.version || group.order_stop(by, &present, &reason, now_us).await?.is_none() {
                    return Ok(false);
                }
                group.commit().await?;
                return Ok(true);
            }
            Verdict::Queue => {
                (ExperimentState::Queued, format!("{unit} did not take the start: it is not running there"))
            }
            Verdict::NeverBegan => (ExperimentState::Fault, format!("{unit} took none of {} starts", run.facts.starts)),
            Verdict::Lost => (ExperimentState::Fault, format!("{unit} does not know of this run any more")),
            Verdict::Stopped => (ExperimentState::Stopped, String::new()),
        };
        let mut group = self.begin_group().await?;
        let (to, reason) = match to {
            ExperimentState::Stopped => {
                let (is_fault, ordered_because) = group.ends_as(run.experiment).await?;
                (if is_fault { ExperimentState::Fault } else { to }, ordered_because)
            }
            _ => (to, reason),
        };
        let (experiment, version, from) = (run.experiment, run.version, run.facts.state);
        let change = Move { experiment, version, from, to, actor: &by.name, reason: &reason };
        if !group.move_experiment(change, now_us).await? {
            return Ok(false);
        }
        group.commit().await?;
        Ok(true)
    }
}

impl Group {
    /// Whether a run that is being stopped ends as a fault, and why it is stopped.
    async fn ends_as(&mut self, experiment: ExperimentId) -> Result<(bool, String), StoreError> {
        let (ends_as, reason): (Option<String>, String) = on_group!(self, conn, dialect => {
            sqlx::query_as(ENDS_AS.text(dialect)).bind(experiment.0).fetch_one(conn).await?
        });
        Ok((ends_as.is_some(), reason))
    }
}
