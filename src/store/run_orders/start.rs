//! The order to start.

use serde_json::json;

use crate::domain::audit::{Actor, Change};
use crate::domain::command::Verb;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, CommandId, ExperimentId};
use crate::domain::profile::Steps;
use crate::domain::run::RunTerms;
use crate::store::group::on_group;
use crate::store::outbox::NewCommand;
use crate::store::sql::statements;
use crate::store::transitions::Move;
use crate::store::{Group, Store, StoreError};

statements! {
    OTHERS = "
        SELECT COUNT(*)
        FROM experiment
        WHERE (station_id = ? OR battery_id = ?) AND experiment_id <> ?
            AND state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')";
    BATTERY_OF = "
        SELECT battery_id
        FROM experiment
        WHERE experiment_id = ?";
    BEGIN = "
        UPDATE experiment
        SET terms_json = ?, steps_json = COALESCE(steps_json, ?), ends_as = NULL, live_station_id = station_id,
            live_battery_id = battery_id
        WHERE experiment_id = ? AND version = ? AND state = 'queued'";
}

/// How long a unit may take to begin, µs; later nobody expects a station to come alive.
pub const START_US: i64 = 30_000_000;

/// A run about to be ordered, as it was read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct StartOrder {
    /// Which experiment.
    pub experiment: ExperimentId,
    /// Its version when it was checked.
    pub version: i64,
    /// What its station executes.
    pub steps: Steps,
    /// How far it may go, how often it measures, how long it goes on alone.
    pub terms: RunTerms,
}

impl Store {
    /// Orders a waiting experiment to start; `None` when it changed since it was checked, or its station or battery got
    /// another run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order_start(
        &self,
        by: &Actor,
        order: &StartOrder,
        now_us: i64,
    ) -> Result<Option<CommandId>, StoreError> {
        let mut group = self.begin_group().await?;
        match group.order_start(by, order, now_us).await {
            Ok(None) => Ok(None),
            Ok(command) => {
                group.commit().await?;
                Ok(command)
            }
            // Another one began there at the very same moment.
            Err(error) if error.is_duplicate() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Group {
    async fn order_start(
        &mut self,
        by: &Actor,
        order: &StartOrder,
        now_us: i64,
    ) -> Result<Option<CommandId>, StoreError> {
        let run = self.run(order.experiment).await?;
        if (run.state, run.version) != (ExperimentState::Queued, order.version) {
            return Ok(None);
        }
        let (battery,): (i64,) = on_group!(self, conn, dialect => {
            sqlx::query_as(BATTERY_OF.text(dialect)).bind(run.experiment.0).fetch_one(conn).await?
        });
        let battery = BatteryId(battery);
        let (others,): (i64,) = on_group!(self, conn, dialect => {
            sqlx::query_as(OTHERS.text(dialect))
                .bind(run.station.0)
                .bind(battery.0)
                .bind(run.experiment.0)
                .fetch_one(conn)
                .await?
        });
        if others > 0 {
            return Ok(None);
        }
        let begun = on_group!(self, conn, dialect => {
            sqlx::query(BEGIN.text(dialect))
                .bind(json!(order.terms).to_string())
                .bind(json!(order.steps).to_string())
                .bind(run.experiment.0)
                .bind(run.version)
                .execute(conn)
                .await?
                .rows_affected()
        });
        let change = Move {
            experiment: run.experiment,
            version: run.version,
            from: ExperimentState::Queued,
            to: ExperimentState::Starting,
            actor: &by.name,
            reason: "",
        };
        if begun != 1 || !self.move_experiment(change, now_us).await? {
            return Ok(None);
        }
        let unit = self.unit_of(&run).await?;
        let payload = json!({
            "experiment": run.experiment,
            "station": run.station,
            "steps": order.steps.steps,
            "cycles": order.steps.cycles,
            "limits": order.terms.limits,
            "sample_period_ms": order.terms.sample_period_ms,
            "lease_s": order.terms.lease_s,
        });
        let start = NewCommand { device: &unit, verb: Verb::Start, payload, expires_at_us: Some(now_us + START_US) };
        let command = self.add_run_command(by, &start, run.experiment, now_us).await?;
        let told = Change::new("start experiment", format!("experiment {}", run.experiment))
            .from(json!({ "state": run.state.as_str() }))
            .to(json!({ "state": ExperimentState::Starting.as_str(), "terms": order.terms }));
        self.audit(by, &told, now_us).await?;
        Ok(Some(command))
    }
}
