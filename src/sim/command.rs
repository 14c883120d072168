//! Commands of the server, as a simulated unit obeys them.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::station::{Start, Station};
use crate::domain::ids::{ExperimentId, StationId};
use crate::domain::profile::{Step, Steps};
use crate::domain::run::RunLimits;
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
    limits: Option<RunLimits>,
    #[serde(default)]
    lease_s: Option<f64>,
    #[serde(default)]
    stations: Vec<ToldStation>,
}

/// A station of the list that `stations` tells.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ToldStation {
    /// Its number.
    pub station: StationId,
    #[serde(default)]
    limits: ToldLimits,
    #[serde(default)]
    instruments: Vec<ToldInstrument>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
struct ToldLimits {
    current_min_a: Option<f64>,
    current_max_a: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct ToldInstrument {
    #[serde(default)]
    link: String,
}

/// Largest current of a channel of which nothing is told, A.
const CURRENT_MAX_A: f64 = 10.0;

impl ToldStation {
    /// Largest current of its channel, A.
    #[must_use]
    pub fn current_max_a(&self) -> f64 {
        let told = [self.limits.current_min_a, self.limits.current_max_a].into_iter().flatten().map(f64::abs);
        told.reduce(f64::max).unwrap_or(CURRENT_MAX_A)
    }

    /// Whether one of its instruments is connected there.
    #[must_use]
    pub fn has_link(&self, link: &str) -> bool {
        self.instruments.iter().any(|instrument| instrument.link == link)
    }

    /// Where its first instrument is connected.
    #[must_use]
    pub fn link(&self) -> String {
        let link = self.instruments.first().map(|instrument| instrument.link.clone());
        link.filter(|link| !link.is_empty()).unwrap_or_else(|| format!("sim:{}", self.station))
    }
}

/// `up/reply`.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    pub limits: Option<RunLimits>,
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
/// Answers kept for commands that come again: more than can be on their way.
const ANSWERED_MAX: usize = 512;

/// What a unit says to a command.
#[derive(Debug)]
pub struct Answer {
    /// Always sent.
    pub reply: Reply,
    /// The instruments, if asked for.
    pub devices: Option<Detected>,
    /// The stations to drive from now on, if they were told.
    pub stations: Option<Vec<ToldStation>>,
    /// Whether the state of every station is to be told, also where nothing changed.
    pub wants_states: bool,
}

/// The unit's memory of who commands it, and of what it did.
#[derive(Debug, Default)]
pub struct Obedience {
    epoch: i64,
    answered: VecDeque<Reply>,
}

/// Why a command is not done.
enum Refusal {
    /// It is of a server that leads no more; the same command in the present epoch is done.
    Epoch(String),
    Other(String),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::Other(reason.to_owned())
    }
}

impl Obedience {
    /// Executes a command on the station it names. A command repeated is not done again, and is answered the same.
    pub fn obey<'a>(&mut self, order: &Value, now_us: i64, stations: impl Iterator<Item = &'a mut Station>) -> Answer {
        let command_id = order.get("command_id").cloned().unwrap_or_default();
        let verb = order.get("verb").and_then(Value::as_str).unwrap_or_default();
        let mut stations: Vec<&mut Station> = stations.collect();
        if let Some(reply) = self.answered.iter().find(|reply| reply.command_id == command_id) {
            return Answer { reply: reply.clone(), devices: None, stations: None, wants_states: false };
        }
        let reply = |result, reason, limits| Reply { command_id: command_id.clone(), result, reason, limits };
        let (reply, is_final) = match self.try_obey(order, now_us, &mut stations) {
            Ok(limits) => (reply("executed", None, limits), true),
            Err(Refusal::Epoch(reason)) => (reply("rejected", Some(reason), None), false),
            Err(Refusal::Other(reason)) => (reply("rejected", Some(reason), None), true),
        };
        let is_done = reply.result == "executed";
        // What only reads is done again instead: the answer is what counts of it.
        if is_final && !command_id.is_null() && matches!(verb, "start" | "stop" | "pause" | "resume") {
            self.answered.truncate(ANSWERED_MAX - 1);
            self.answered.push_front(reply.clone());
        }
        let devices = (is_done && verb == "detect").then(|| {
            let instrument = |station: &&mut Station| Instrument {
                model: "simulated channel",
                serial: station.link().replace("sim:", "SIM-"),
                link: station.link().to_owned(),
                measures: MEASURES,
                current_min_a: -station.current_max_a(),
                current_max_a: station.current_max_a(),
            };
            Detected { command_id, devices: stations.iter().map(instrument).collect() }
        });
        let told = (is_done && verb == "stations").then(|| Order::deserialize(order).map(|order| order.stations).ok());
        let wants_states = is_done && matches!(verb, "get_state" | "stations");
        Answer { reply, devices, stations: told.flatten(), wants_states }
    }

    fn try_obey(
        &mut self,
        order: &Value,
        now_us: i64,
        stations: &mut [&mut Station],
    ) -> Result<Option<RunLimits>, Refusal> {
        let order = Order::deserialize(order).map_err(|error| error.to_string())?;
        if order.epoch < self.epoch {
            let (epoch, present) = (order.epoch, self.epoch);
            return Err(Refusal::Epoch(format!("epoch {epoch} is over, the present one is {present}")));
        }
        self.epoch = order.epoch;
        if order.expires_at_us.is_some_and(|expires_at_us| expires_at_us < now_us) {
            return Err("the command has expired".into());
        }
        if order.verb == "renew" {
            // It was heard, and that is all.
            return Ok(None);
        }
        tracing::info!(command_id = %order.command_id, verb = order.verb, "command");
        if matches!(order.verb.as_str(), "detect" | "stations" | "get_state") {
            return Ok(None);
        }
        let wanted = order.station.ok_or("the command names no station")?;
        let station = stations.iter_mut().find(|station| station.station() == wanted);
        let station = station.ok_or_else(|| format!("there is no station {wanted}"))?;
        let is_at_work = matches!(station.report().state, StationState::Running | StationState::Paused);
        let is_other = is_at_work && order.experiment.is_some() && order.experiment != station.experiment();
        match order.verb.as_str() {
            "start" => {
                let experiment = order.experiment.ok_or("the command names no experiment")?;
                let steps = Steps { steps: order.steps, cycles: order.cycles.unwrap_or(1).max(1) };
                let lease = order.lease_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                station.start(Start { experiment, steps, limits: order.limits, lease })?;
                Ok(order.limits)
            }
            "stop" => {
                station.stop_experiment(order.experiment, "by command");
                Ok(None)
            }
            "pause" | "resume" if is_other => Err("the station works on another experiment".into()),
            "pause" => station.pause(true).map(|()| None).map_err(Refusal::from),
            "resume" => station.pause(false).map(|()| None).map_err(Refusal::from),
            other => Err(format!("a simulated unit cannot “{other}”").into()),
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
        let again = unit.obey(&start, 0, std::iter::once(&mut station)).reply;
        assert_eq!(again.reason, busy.reason, "the first answer stands");
        let start = json!({"command_id": 3, "verb": "start", "station": 4, "experiment": 10,
            "steps": [{"mode": "cc", "current_a": -1.0, "until": [{"time_s": 60.0}]}]});
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
        let start = |id: i64, limits: Value| {
            json!({"command_id": id, "verb": "start", "station": 4, "experiment": 10, "lease_s": 60, "limits": limits,
                "steps": [{"mode": "cc", "current_a": 5.0, "until": []}]})
        };
        let strange = start(2, json!({"pressure_max_kpa": 3}));
        assert_eq!(unit.obey(&strange, 0, std::iter::once(&mut station)).reply.result, "rejected");
        let limits = json!({"voltage_min_v": 2.4, "voltage_max_v": 4.2, "current_min_a": -10.0, "current_max_a": 5.0,
            "temperature_max_c": 55.0});
        let reply = unit.obey(&start(3, limits.clone()), 0, std::iter::once(&mut station)).reply;
        let expected = json!({"command_id": 3, "result": "executed", "limits": limits});
        assert_eq!(serde_json::to_value(&reply).unwrap(), expected);
        // It charges a cell from 80 % for ever: the limit ends that.
        (0..2_000).for_each(|tick| station.tick(tick * 1_000_000, 1.0, &mut Vec::new()));
        let report = station.report();
        assert_eq!((report.state, report.reason.as_deref()), (StationState::Fault, Some("overvoltage: 4.236 V")));
    }

    #[test]
    fn a_stop_ends_its_own_experiment_only_which_does_not_begin_again() {
        let mut station = station();
        let mut unit = Obedience::default();
        let mut obey = |order: Value| {
            let reply = unit.obey(&order, 0, std::iter::once(&mut station)).reply;
            (reply.result, reply.reason, station.report().state)
        };
        let stop = |id: i64, experiment: i64| json!({"command_id": id, "verb": "stop", "station": 4, "experiment": experiment});
        assert_eq!(obey(stop(1, 8)), ("executed", None, StationState::Running), "it works on 9");
        assert_eq!(obey(stop(2, 9)), ("executed", None, StationState::Stopped));
        let start = |id: i64, experiment: i64| {
            json!({"command_id": id, "verb": "start", "station": 4, "experiment": experiment,
            "steps": [{"mode": "rest", "until": [{"time_s": 60.0}]}]})
        };
        // A start that a network held back, of a run that was stopped before it came.
        for (id, experiment) in [(3, 8), (4, 9)] {
            let (result, reason, _) = obey(start(id, experiment));
            assert_eq!((result, reason), ("rejected", Some(format!("experiment {experiment} is over here"))));
        }
        assert_eq!(obey(start(5, 10)).0, "executed");
    }

    #[test]
    fn a_run_rests_when_the_server_is_silent_for_its_lease() {
        let mut station = station();
        station.rest_if_alone(Duration::from_secs(1_000));
        assert_eq!(station.report().state, StationState::Running, "it began by itself and has no lease");
        station.stop("to begin with");
        let start = json!({"command_id": 1, "verb": "start", "station": 4, "experiment": 10, "lease_s": 20,
            "steps": [{"mode": "rest", "until": []}]});
        assert_eq!(Obedience::default().obey(&start, 0, std::iter::once(&mut station)).reply.result, "executed");
        station.rest_if_alone(Duration::from_secs(20));
        assert_eq!(station.report().state, StationState::Running);
        station.rest_if_alone(Duration::from_millis(20_001));
        let report = station.report();
        let expected = Some("no message from the server for 20 s".to_owned());
        assert_eq!((report.state, report.reason), (StationState::Stopped, expected));
    }

    #[test]
    fn a_command_of_an_old_epoch_is_done_when_it_comes_in_the_present_one() {
        let mut station = station();
        let mut unit = Obedience::default();
        let mut stop = |epoch: i64, id: i64| {
            let order = json!({"command_id": id, "epoch": epoch, "verb": "stop", "station": 4});
            unit.obey(&order, 0, std::iter::once(&mut station)).reply.result
        };
        assert_eq!((stop(2, 1), stop(1, 2), stop(2, 2)), ("executed", "rejected", "executed"));
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
