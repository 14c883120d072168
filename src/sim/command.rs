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
    sample_period_ms: Option<u32>,
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
    /// Whether a run is measured as often as is ordered.
    obeys_period: bool,
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
    /// One that measures as often as is ordered, or does not.
    #[must_use]
    pub fn new(obeys_period: bool) -> Self {
        Self { obeys_period, ..Self::default() }
    }

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
                let period_ms = order.sample_period_ms.filter(|period_ms| self.obeys_period && *period_ms > 0);
                let period = period_ms.map(|period_ms| Duration::from_millis(period_ms.into()));
                station.start(Start { experiment, steps, limits: order.limits, lease, period })?;
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
mod tests;
