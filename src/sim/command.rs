//! Commands of the server, as a simulated unit obeys them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::station::Station;
use crate::domain::ids::{ExperimentId, StationId};
use crate::domain::profile::{Step, Steps};
use crate::domain::station::StationState;

/// `down/command`, as far as a simulated unit understands it.
#[derive(Debug, Deserialize)]
struct Order {
    command_id: Value,
    #[serde(default)]
    epoch: i64,
    #[serde(default)]
    expires_at_us: Option<i64>,
    verb: String,
    #[serde(default)]
    station: Option<StationId>,
    #[serde(default)]
    experiment: Option<ExperimentId>,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default)]
    cycles: Option<u32>,
}

/// `up/reply`.
#[derive(Debug, PartialEq, Serialize)]
pub struct Reply {
    /// Of the command answered; null when it had none.
    pub command_id: Value,
    /// `executed` or `rejected`.
    pub result: &'static str,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The unit's memory of who commands it.
#[derive(Debug, Default)]
pub struct Obedience {
    epoch: i64,
}

impl Obedience {
    /// Executes a command on the station it names. A command repeated finds its work done and is answered the same.
    pub fn obey<'a>(&mut self, order: &Value, now_us: i64, stations: impl Iterator<Item = &'a mut Station>) -> Reply {
        let command_id = order.get("command_id").cloned().unwrap_or_default();
        match self.try_obey(order, now_us, stations) {
            Ok(()) => Reply { command_id, result: "executed", reason: None },
            Err(reason) => Reply { command_id, result: "rejected", reason: Some(reason) },
        }
    }

    fn try_obey<'a>(
        &mut self,
        order: &Value,
        now_us: i64,
        mut stations: impl Iterator<Item = &'a mut Station>,
    ) -> Result<(), String> {
        let order = Order::deserialize(order).map_err(|error| error.to_string())?;
        if order.epoch < self.epoch {
            return Err(format!("epoch {} is over, the present one is {}", order.epoch, self.epoch));
        }
        self.epoch = order.epoch;
        if order.expires_at_us.is_some_and(|expires_at_us| expires_at_us < now_us) {
            return Err("the command has expired".to_owned());
        }
        tracing::info!(command_id = %order.command_id, verb = order.verb, "command");
        let wanted = order.station.ok_or("the command names no station")?;
        let station = stations.find(|station| station.station() == wanted);
        let station = station.ok_or_else(|| format!("there is no station {wanted}"))?;
        match order.verb.as_str() {
            "start" => {
                let experiment = order.experiment.ok_or("the command names no experiment")?;
                let is_repeat = station.experiment() == experiment && station.report().state == StationState::Running;
                if is_repeat {
                    return Ok(());
                }
                let steps = Steps { steps: order.steps, cycles: order.cycles.unwrap_or(1).max(1) };
                station.start(experiment, steps).map_err(str::to_owned)
            }
            "stop" => {
                station.stop();
                Ok(())
            }
            "pause" => station.pause(true).map_err(str::to_owned),
            "resume" => station.pause(false).map_err(str::to_owned),
            "get_state" => {
                station.forget_report();
                Ok(())
            }
            other => Err(format!("a simulated unit cannot “{other}”")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::cell::Cell;
    use crate::sim::plan::{StationPlan, Work};
    use crate::sim::preset::Preset;
    use serde_json::json;

    fn station() -> Station {
        Station::new(StationPlan {
            station: StationId(4),
            experiment: ExperimentId(9),
            cell: Some(Cell::new(Preset::Nmc21700.parameters(), 0.8, 25.0)),
            work: Work::Profile(
                serde_json::from_value(json!({"steps":[{"mode":"rest","until":[]}],"cycles":1})).unwrap(),
            ),
            current_max_a: 10.0,
            speed: 1.0,
            seed: 1,
        })
    }

    #[test]
    fn a_station_is_stopped_and_started_again_and_repeats_do_no_harm() {
        let mut station = station();
        let mut unit = Obedience::default();
        let start = json!({"command_id": 2, "verb": "start", "station": 4, "experiment": 10,
            "steps": [{"mode": "cc", "current_a": -1.0, "until": [{"time_s": 60.0}]}]});
        let busy = unit.obey(&start, 0, std::iter::once(&mut station));
        assert_eq!((busy.result, busy.reason.as_deref()), ("rejected", Some("the station is busy")));
        let stop = json!({"command_id": 1, "verb": "stop", "station": 4});
        for order in [&stop, &stop, &start, &start] {
            let reply = unit.obey(order, 0, std::iter::once(&mut station));
            assert_eq!(reply.reason, None, "{order}");
        }
        let report = station.report();
        assert_eq!((report.state, report.experiment), (StationState::Running, Some(ExperimentId(10))));
    }

    #[test]
    fn old_masters_and_late_commands_are_refused() {
        let mut station = station();
        let mut unit = Obedience::default();
        let mut obey = |order: Value| unit.obey(&order, 1_000, std::iter::once(&mut station)).result;
        assert_eq!(obey(json!({"command_id": 1, "epoch": 2, "verb": "pause", "station": 4})), "executed");
        assert_eq!(obey(json!({"command_id": 2, "epoch": 1, "verb": "resume", "station": 4})), "rejected");
        let late = json!({"command_id": 3, "epoch": 2, "expires_at_us": 999, "verb": "resume", "station": 4});
        assert_eq!(obey(late), "rejected");
        assert_eq!(obey(json!({"command_id": 4, "epoch": 2, "verb": "stop", "station": 5})), "rejected");
        assert_eq!(obey(json!("nonsense")), "rejected");
        assert_eq!(station.report().state, StationState::Paused);
    }
}
