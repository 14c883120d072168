//! The start of an experiment at a simulated station.

use std::time::Duration;

use super::{Cell, Channel, Cycler, OWN_SOC, Preset, ROOM_C, Station};
use crate::domain::ids::ExperimentId;
use crate::domain::profile::Steps;
use crate::domain::run::RunLimits;
use crate::domain::station::StationState;

/// What `start` orders, as far as a station needs it.
#[derive(Debug, Clone)]
pub struct Start {
    /// Which experiment.
    pub experiment: ExperimentId,
    /// What to execute.
    pub steps: Steps,
    /// How far it may go; without them a little beyond the battery's own window.
    pub limits: Option<RunLimits>,
    /// How long to go on without hearing from the server.
    pub lease: Option<Duration>,
    /// Real time between two rows; with each tick where nobody said.
    pub period: Option<Duration>,
}

impl Station {
    /// Executes steps of an experiment on the battery that is there, within the battery's own limits unless others are
    /// given.
    ///
    /// # Errors
    /// In words, when the station is busy or has no battery.
    pub fn start(&mut self, start: Start) -> Result<(), String> {
        let Start { experiment, steps, limits, lease, period } = start;
        let is_at_work = matches!(self.state, StationState::Running | StationState::Paused);
        if is_at_work && self.experiment == Some(experiment) {
            return Ok(());
        }
        if is_at_work {
            return Err("the station is busy".to_owned());
        }
        if self.ended.contains(&experiment) {
            return Err(format!("experiment {experiment} is over here"));
        }
        let Channel::Idle(cell) = std::mem::replace(&mut self.channel, Channel::Idle(None)) else {
            return Err("the station is busy".to_owned());
        };
        let Some(cell) = cell else { return Err("there is no battery".to_owned()) };
        let cell = match &limits {
            Some(limits) if self.chooses_battery => suited(*cell, limits),
            _ => *cell,
        };
        let cycler = Cycler::new(cell, steps, self.current_max_a, self.seed);
        let cycler = match limits {
            Some(limits) => cycler.within(limits),
            None => cycler,
        };
        tracing::info!(station = %self.station, %experiment, "begins");
        self.channel = Channel::Cycler(Box::new(cycler));
        (self.experiment, self.lease) = (Some(experiment), lease);
        (self.period, self.since_row_s) = (period, 0.0);
        (self.state, self.reason) = (StationState::Running, None);
        Ok(())
    }
}

/// The battery that is there if it suits the limits of a run, or else one that does.
fn suited(present: Cell, limits: &RunLimits) -> Cell {
    let misfit = |preset: &Preset| {
        let parameters = preset.parameters();
        (parameters.voltage_min_v - limits.voltage_min_v).abs()
            + (parameters.voltage_max_v - limits.voltage_max_v).abs()
    };
    let best = Preset::ALL.into_iter().min_by(|one, other| misfit(one).total_cmp(&misfit(other)));
    let best = best.map(Preset::parameters).filter(|best| best != present.parameters());
    best.map_or(present, |parameters| Cell::new(parameters, OWN_SOC, ROOM_C))
}
