//! Commands of the server, as a simulated unit obeys them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cycler::Limits;
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
    #[serde(default)]
    limits: Option<Limits>,
    #[serde(default)]
    lease_s: Option<f64>,
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
    /// The limits of a `start`, as understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// `up/devices`.
#[derive(Debug, PartialEq, Serialize)]
pub struct Detected {
    command_id: Value,
    devices: Vec<Instrument>,
}

/// One instrument a unit detected.
#[derive(Debug, PartialEq, Serialize)]
struct Instrument {
    model: &'static str,
    serial: String,
    link: String,
    measures: [&'static str; 6],
    current_min_a: f64,
    current_max_a: f64,
}

/// What a simulated channel measures.
const MEASURES: [&str; 6] = ["voltage_v", "current_a", "power_w", "temperature_c", "capacity_ah", "energy_wh"];

/// What a unit says to a command.
#[derive(Debug)]
pub struct Answer {
    /// Always sent.
    pub reply: Reply,
    /// The instruments, if asked for.
    pub devices: Option<Detected>,
    /// Whether the state of every station is to be told, also where nothing changed.
    pub wants_states: bool,
}

/// The unit's memory of who commands it.
#[derive(Debug, Default)]
pub struct Obedience {
    epoch: i64,
    lease: Option<Duration>,
}

impl Obedience {
    /// How long the stations go on without hearing from the server, if a `start` said so.
    #[must_use]
    pub fn lease(&self) -> Option<Duration> {
        self.lease
    }

    /// Executes a command on the station it names. A command repeated finds its work done and is answered the same.
    pub fn obey<'a>(&mut self, order: &Value, now_us: i64, stations: impl Iterator<Item = &'a mut Station>) -> Answer {
        let command_id = order.get("command_id").cloned().unwrap_or_default();
        let verb = order.get("verb").and_then(Value::as_str).unwrap_or_default();
        let mut stations: Vec<&mut Station> = stations.collect();
        let reply = |result, reason, limits| Reply { command_id: command_id.clone(), result, reason, limits };
        let reply = match self.try_obey(order, now_us, &mut stations) {
            Ok(limits) => reply("executed", None, limits),
            Err(reason) => reply("rejected", Some(reason), None),
        };
        let is_done = reply.result == "executed";
        let devices = (is_done && verb == "detect").then(|| {
            let instrument = |station: &&mut Station| Instrument {
                model: "simulated channel",
                serial: format!("SIM-{}", station.station()),
                link: format!("sim:{}", station.station()),
                measures: MEASURES,
                current_min_a: -station.current_max_a(),
                current_max_a: station.current_max_a(),
            };
            Detected { command_id, devices: stations.iter().map(instrument).collect() }
        });
        Answer { reply, devices, wants_states: is_done && matches!(verb, "get_state" | "stations") }
    }

    fn try_obey(
        &mut self,
        order: &Value,
        now_us: i64,
        stations: &mut [&mut Station],
    ) -> Result<Option<Limits>, String> {
        let order = Order::deserialize(order).map_err(|error| error.to_string())?;
        if order.epoch < self.epoch {
            return Err(format!("epoch {} is over, the present one is {}", order.epoch, self.epoch));
        }
        self.epoch = order.epoch;
        if order.expires_at_us.is_some_and(|expires_at_us| expires_at_us < now_us) {
            return Err("the command has expired".to_owned());
        }
        tracing::info!(command_id = %order.command_id, verb = order.verb, "command");
        if matches!(order.verb.as_str(), "detect" | "stations" | "get_state") {
            return Ok(None);
        }
        let wanted = order.station.ok_or("the command names no station")?;
        let station = stations.iter_mut().find(|station| station.station() == wanted);
        let station = station.ok_or_else(|| format!("there is no station {wanted}"))?;
        match order.verb.as_str() {
            "start" => {
                let experiment = order.experiment.ok_or("the command names no experiment")?;
                let is_repeat = station.experiment() == experiment && station.report().state == StationState::Running;
                if !is_repeat {
                    let steps = Steps { steps: order.steps, cycles: order.cycles.unwrap_or(1).max(1) };
                    station.start(experiment, steps, order.limits)?;
                    self.lease = order.lease_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                }
                Ok(order.limits)
            }
            "stop" => {
                station.stop("by command");
                Ok(None)
            }
            "pause" => station.pause(true).map(|()| None).map_err(str::to_owned),
            "resume" => station.pause(false).map(|()| None).map_err(str::to_owned),
            other => Err(format!("a simulated unit cannot “{other}”")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cell_model::cell::Cell;
    use crate::analysis::cell_model::preset::Preset;
    use crate::sim::plan::{StationPlan, Work};
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
        let busy = unit.obey(&start, 0, std::iter::once(&mut station)).reply;
        assert_eq!((busy.result, busy.reason.as_deref()), ("rejected", Some("the station is busy")));
        let stop = json!({"command_id": 1, "verb": "stop", "station": 4});
        for order in [&stop, &stop, &start, &start] {
            let reply = unit.obey(order, 0, std::iter::once(&mut station)).reply;
            assert_eq!(reply.reason, None, "{order}");
        }
        let report = station.report();
        assert_eq!((report.state, report.experiment), (StationState::Running, Some(ExperimentId(10))));
    }

    #[test]
    fn old_masters_and_late_commands_are_refused() {
        let mut station = station();
        let mut unit = Obedience::default();
        let mut obey = |order: Value| unit.obey(&order, 1_000, std::iter::once(&mut station)).reply.result;
        assert_eq!(obey(json!({"command_id": 1, "epoch": 2, "verb": "pause", "station": 4})), "executed");
        assert_eq!(obey(json!({"command_id": 2, "epoch": 1, "verb": "resume", "station": 4})), "rejected");
        let late = json!({"command_id": 3, "epoch": 2, "expires_at_us": 999, "verb": "resume", "station": 4});
        assert_eq!(obey(late), "rejected");
        assert_eq!(obey(json!({"command_id": 4, "epoch": 2, "verb": "stop", "station": 5})), "rejected");
        assert_eq!(obey(json!("nonsense")), "rejected");
        assert_eq!(station.report().state, StationState::Paused);
    }

    #[test]
    fn a_start_is_answered_with_its_limits_and_refused_if_it_has_unknown_ones() {
        let mut station = station();
        station.stop("to begin with");
        let mut unit = Obedience::default();
        let start = |limits: Value| {
            json!({"command_id": 2, "verb": "start", "station": 4, "experiment": 10, "lease_s": 60, "limits": limits,
                "steps": [{"mode": "cc", "current_a": 5.0, "until": []}]})
        };
        let strange = start(json!({"pressure_max_kpa": 3}));
        assert_eq!(unit.obey(&strange, 0, std::iter::once(&mut station)).reply.result, "rejected");
        let limits = json!({"voltage_max_v": 4.25, "voltage_min_v": 2.4, "temperature_max_c": 55.0});
        let reply = unit.obey(&start(limits.clone()), 0, std::iter::once(&mut station)).reply;
        assert_eq!(serde_json::to_value(&reply).unwrap()["limits"], limits);
        assert_eq!(unit.lease(), Some(Duration::from_secs(60)));
        // It charges a cell from 80 % for ever: the limit ends that.
        (0..2_000).for_each(|tick| station.tick(tick * 1_000_000, 1.0, &mut Vec::new()));
        let report = station.report();
        assert_eq!((report.state, report.reason.as_deref()), (StationState::Fault, Some("overvoltage: 4.250 V")));
    }

    #[test]
    fn a_unit_tells_its_instruments_and_states_when_asked() {
        let mut station = station();
        let mut unit = Obedience::default();
        let detect = unit.obey(&json!({"command_id": 7, "verb": "detect"}), 0, std::iter::once(&mut station));
        let told = serde_json::to_value(detect.devices).unwrap();
        let expected = json!({"command_id": 7,
            "devices": [{"model": "simulated channel", "serial": "SIM-4", "link": "sim:4", "measures": MEASURES,
                "current_min_a": -10.0, "current_max_a": 10.0}]});
        assert_eq!(told, expected);
        assert!(
            unit.obey(&json!({"command_id": 8, "verb": "stations"}), 0, std::iter::once(&mut station)).wants_states
        );
    }
}
