//! What a unit's answer to an order means for the run.

use serde_json::{Value, json};

use crate::domain::audit::Actor;
use crate::domain::command::{CommandResult, Verb};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{DeviceId, ExperimentId};
use crate::domain::message::Reply;
use crate::domain::run::RunTerms;
use crate::store::group::on_group;
use crate::store::sql::statements;
use crate::store::transitions::Move;
use crate::store::{Group, StoreError};

statements! {
    ORDER = "
        SELECT verb, experiment_id
        FROM outbox
        WHERE command_id = ? AND experiment_id IS NOT NULL";
    TERMS = "
        SELECT terms_json
        FROM experiment
        WHERE experiment_id = ?";
}

/// Difference of two numbers, relative to the larger, that a unit with single-precision floats may cause.
const ECHO_TOLERANCE: f64 = 1e-6;
/// Why a run is stopped whose unit did not say that it keeps to the limits.
pub const NOT_CONFIRMED: &str = "the unit did not confirm the limits";

impl Group {
    /// Moves a run by the answer to its start: refused, it is a fault; begun within other limits than those ordered, it is
    /// stopped. What else is answered, the reports of the station tell better.
    pub(in crate::store) async fn follow_reply(
        &mut self,
        unit: &DeviceId,
        reply: &Reply,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let order: Option<(String, i64)> = on_group!(self, conn, dialect => {
            sqlx::query_as(ORDER.text(dialect)).bind(reply.command_id.0).fetch_optional(conn).await?
        });
        let Some((verb, experiment)) = order else { return Ok(()) };
        if verb != Verb::Start.as_str() {
            return Ok(());
        }
        let run = self.run(ExperimentId(experiment)).await?;
        match reply.result {
            CommandResult::Rejected if run.state == ExperimentState::Starting => {
                let reason = match reply.reason.as_deref() {
                    Some(reason) if !reason.is_empty() => format!("{unit} refused to start: {reason}"),
                    _ => format!("{unit} refused to start and did not say why"),
                };
                let (experiment, version, from) = (run.experiment, run.version, run.state);
                let to = ExperimentState::Fault;
                let change = Move { experiment, version, from, to, actor: unit.as_str(), reason: &reason };
                self.move_experiment(change, now_us).await.map(|_| ())
            }
            CommandResult::Accepted | CommandResult::Rejected => Ok(()),
            CommandResult::Executed => {
                let (terms,): (Option<String>,) = on_group!(self, conn, dialect => {
                    sqlx::query_as(TERMS.text(dialect)).bind(experiment).fetch_one(conn).await?
                });
                let terms: Option<RunTerms> = terms.and_then(|terms| serde_json::from_str(&terms).ok());
                let is_confirmed = terms.is_none_or(|terms| echoes(&json!(terms.limits), reply.limits.as_ref()));
                let runs =
                    matches!(run.state, ExperimentState::Starting | ExperimentState::Running | ExperimentState::Paused);
                if is_confirmed || !runs {
                    return Ok(());
                }
                let by = Actor { name: "server".to_owned(), ..Actor::server("up/reply") };
                if self.order_stop(&by, &run, NOT_CONFIRMED, now_us).await?.is_some() {
                    self.end_as_fault(run.experiment).await?;
                }
                Ok(())
            }
        }
    }
}

/// Whether every limit that was ordered stands in the echo with the same value.
fn echoes(ordered: &Value, echo: Option<&Value>) -> bool {
    let (Some(ordered), Some(Value::Object(echo))) = (ordered.as_object(), echo) else { return false };
    ordered.iter().all(|(name, value)| match (value.as_f64(), echo.get(name).and_then(Value::as_f64)) {
        (Some(ordered), Some(echoed)) => (ordered - echoed).abs() <= ECHO_TOLERANCE * ordered.abs().max(echoed.abs()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_has_every_limit_with_its_value() {
        let ordered = json!({"voltage_max_v": 4.2, "current_min_a": 0.0});
        assert!(echoes(&ordered, Some(&json!({"voltage_max_v": 4.2, "current_min_a": 0}))));
        // A unit with single-precision floats, and one that keeps to more.
        assert!(echoes(&ordered, Some(&json!({"voltage_max_v": 4.199_999_8, "current_min_a": 0.0, "more": 1}))));
        for other in [
            json!({"voltage_max_v": 4.21, "current_min_a": 0.0}),
            json!({"voltage_max_v": 4.2}),
            json!({"voltage_max_v": "4.2", "current_min_a": 0.0}),
            json!([]),
        ] {
            assert!(!echoes(&ordered, Some(&other)), "{other}");
        }
        assert!(!echoes(&ordered, None));
    }
}
