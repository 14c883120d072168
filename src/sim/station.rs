//! A station of a simulated unit: a channel, its experiment, and the rows waiting to be sent.
//!
//! **Time.** A station runs its battery `speed` times faster than real time, but stamps rows with the real clock: charts
//! move in windows of minutes, and a day's cycle passes in them. Charge and energy columns count the battery's own time,
//! which stands in the column `test_time_s`; at speed 1 both times are the same.

mod runaway;
mod start;

use std::collections::VecDeque;
use std::time::Duration;

use super::command::ToldStation;
use super::cycler::{Cycler, Progress, Row};
use super::plan::{StationPlan, Work};
use super::replay::Replay;
use crate::analysis::cell_model::cell::Cell;
use crate::analysis::cell_model::preset::Preset;
use crate::domain::ids::{ExperimentId, StationId};
use crate::domain::message::StationReport;
use crate::domain::run::LEASE_S;
use crate::domain::sample::Subject;
use crate::domain::station::StationState;

pub use runaway::Runaway;
pub use start::Start;

const US_PER_S: f64 = 1e6;
/// Experiments that were run or stopped here and are not begun again.
const ENDED_MAX: usize = 256;
/// How full a battery is that the station put in by itself.
const OWN_SOC: f64 = 0.6;
const ROOM_C: f64 = 23.0;
/// Ten tenths of a second are not quite one, s.
const PERIOD_TOLERANCE_S: f64 = 1e-6;

#[derive(Debug)]
enum Channel {
    Idle(Option<Box<Cell>>),
    Cycler(Box<Cycler>),
    Replay(Replay),
}

/// A station and what lies on it.
#[derive(Debug)]
pub struct Station {
    station: StationId,
    experiment: Option<ExperimentId>,
    /// Experiments that are over here: a start that comes late does not begin one again.
    ended: VecDeque<ExperimentId>,
    /// How long it goes on without hearing from the server.
    lease: Option<Duration>,
    /// Real time between two rows, where it was ordered, and how much of it has passed, s.
    period: Option<Duration>,
    since_row_s: f64,
    /// Whether nobody said which battery lies here: then one that suits is put in.
    chooses_battery: bool,
    link: String,
    channel: Channel,
    current_max_a: f64,
    speed: f64,
    seed: u64,
    state: StationState,
    reason: Option<String>,
    reported: Option<StationReport>,
    last_at_us: i64,
    runaway: Option<Runaway>,
}

impl Station {
    /// A station that begins its experiment with the next tick.
    #[must_use]
    pub fn new(plan: StationPlan) -> Self {
        let mut station = Self {
            station: plan.station,
            experiment: None,
            ended: VecDeque::new(),
            lease: None,
            period: None,
            since_row_s: 0.0,
            chooses_battery: false,
            link: format!("sim:{}", plan.station),
            channel: Channel::Idle(None),
            current_max_a: plan.current_max_a,
            speed: plan.speed,
            seed: plan.seed,
            state: StationState::Idle,
            reason: None,
            reported: None,
            last_at_us: i64::MIN,
            runaway: None,
        };
        station.load(plan);
        station
    }

    /// A station the server told of, idle: with the battery of the one it takes the place of, or else one that suits whatever
    /// is ordered.
    #[must_use]
    pub fn told(told: &ToldStation, before: Option<Self>, speed: f64) -> Self {
        let station = told.station;
        let chooses_battery = before.as_ref().is_none_or(|before| before.chooses_battery);
        let link = before.as_ref().map_or_else(|| told.link(), |before| before.link.clone());
        let present = match before.map(|before| before.channel) {
            Some(Channel::Idle(cell)) => cell.map(|cell| *cell),
            _ => None,
        };
        let cell = present.unwrap_or_else(|| Cell::new(Preset::Nmc21700.parameters(), OWN_SOC, ROOM_C));
        let plan = StationPlan {
            station,
            experiment: ExperimentId(0),
            cell: Some(cell),
            work: Work::Ordered,
            current_max_a: told.current_max_a(),
            speed,
            seed: u64::try_from(station.0).unwrap_or(0),
        };
        Self { chooses_battery, link, ..Self::new(plan) }
    }

    /// Where its channel is connected, as the unit reports it.
    #[must_use]
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Begins another experiment, with the battery of the plan or else the one that is there.
    pub fn load(&mut self, plan: StationPlan) {
        let present = match std::mem::replace(&mut self.channel, Channel::Idle(None)) {
            Channel::Idle(cell) => cell,
            Channel::Cycler(cycler) => Some(Box::new(cycler.cell().clone())),
            Channel::Replay(_) => None,
        };
        let is_ordered = matches!(plan.work, Work::Ordered);
        self.experiment = (!is_ordered).then_some(plan.experiment);
        // Nobody ordered what it plays, and yet it does not go on for ever when there is nobody to stop it.
        let plays = matches!(plan.work, Work::Replay { .. });
        self.lease = plays.then(|| Duration::from_secs(LEASE_S.into()));
        self.period = None;
        (self.current_max_a, self.speed, self.seed) = (plan.current_max_a, plan.speed, plan.seed);
        (self.state, self.reason) = (StationState::Running, None);
        self.channel = match (plan.work, plan.cell.or(present.map(|cell| *cell))) {
            (Work::Ordered, cell) => {
                self.state = StationState::Idle;
                Channel::Idle(cell.map(Box::new))
            }
            (Work::Profile(steps), Some(cell)) => {
                Channel::Cycler(Box::new(Cycler::new(cell, steps, self.current_max_a, self.seed)))
            }
            (Work::Replay { recording, repeat_rest_s }, _) => Channel::Replay(Replay::new(recording, repeat_rest_s)),
            (Work::Profile(_), None) => {
                (self.state, self.reason) = (StationState::Fault, Some("there is no battery".to_owned()));
                Channel::Idle(None)
            }
        };
    }

    /// Switches between running and paused; what the station was told before it does nothing.
    ///
    /// # Errors
    /// In words, when no experiment is under way.
    pub fn pause(&mut self, pause: bool) -> Result<(), &'static str> {
        match self.state {
            StationState::Running | StationState::Paused => {
                self.state = if pause { StationState::Paused } else { StationState::Running };
                Ok(())
            }
            _ => Err("no experiment is under way"),
        }
    }

    /// Ends the experiment and keeps the battery; a station that works on another one, or on none, has nothing to stop, which
    /// is success: it will not begin the one named any more.
    pub fn stop_experiment(&mut self, experiment: Option<ExperimentId>, reason: &str) {
        if experiment.is_none() || experiment == self.experiment {
            self.stop(reason);
        }
        if let Some(experiment) = experiment {
            self.note_ended(experiment);
        }
    }

    /// Ends the experiment, whichever it is, and keeps the battery.
    pub fn stop(&mut self, reason: &str) {
        if matches!(self.state, StationState::Running | StationState::Paused) {
            self.end_at_position(StationState::Stopped, Some(reason.to_owned()));
        }
    }

    /// Ends the experiment when nothing was heard of the server for longer than its lease.
    pub fn rest_if_alone(&mut self, silence: Duration) {
        if let Some(lease) = self.lease.filter(|lease| silence > *lease) {
            self.stop(&format!("no message from the server for {} s", lease.as_secs()));
        }
    }

    /// Somebody looked at a fault: the station can be worked with again.
    pub fn clear_fault(&mut self) {
        if self.state == StationState::Fault {
            (self.state, self.reason, self.experiment) = (StationState::Idle, None, None);
        }
    }

    fn note_ended(&mut self, experiment: ExperimentId) {
        if !self.ended.contains(&experiment) {
            self.ended.truncate(ENDED_MAX - 1);
            self.ended.push_front(experiment);
        }
    }

    fn end(&mut self, state: StationState, reason: Option<String>) {
        if let Some(experiment) = self.experiment {
            tracing::info!(station = %self.station, %experiment, state = state.as_str(), "rests");
            self.note_ended(experiment);
        }
        self.lease = None;
        (self.state, self.reason) = (state, reason);
        self.channel = match std::mem::replace(&mut self.channel, Channel::Idle(None)) {
            Channel::Cycler(cycler) => Channel::Idle(Some(Box::new(cycler.cell().clone()))),
            Channel::Replay(_) => Channel::Idle(None),
            idle @ Channel::Idle(_) => idle,
        };
    }

    /// Number of the station.
    #[must_use]
    pub fn station(&self) -> StationId {
        self.station
    }

    /// Number of its present or last experiment; `None` before the first.
    #[must_use]
    pub fn experiment(&self) -> Option<ExperimentId> {
        self.experiment
    }

    /// Largest current of its channel, A.
    #[must_use]
    pub fn current_max_a(&self) -> f64 {
        self.current_max_a
    }

    /// What rows of it are about; there are none before the first experiment.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        self.experiment.map(Subject::Experiment)
    }

    /// Seconds of the battery's time per second of real time.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Lets `dt_s` seconds of real time pass until `now_us`; adds the rows measured, with their stamps.
    pub fn tick(&mut self, now_us: i64, dt_s: f64, rows: &mut Vec<(i64, Row)>) {
        self.run_away(dt_s);
        let is_at_work = matches!(self.state, StationState::Running | StationState::Paused);
        let Some(period) = self.period.filter(|_| is_at_work) else { return self.advance(now_us, dt_s, rows) };
        self.since_row_s += dt_s;
        while self.since_row_s > period.as_secs_f64() - PERIOD_TOLERANCE_S {
            self.since_row_s -= period.as_secs_f64();
            #[expect(clippy::cast_possible_truncation, reason = "less than the length of a tick")]
            let before_us = (self.since_row_s.max(0.0) * US_PER_S) as i64;
            self.advance(now_us - before_us, period.as_secs_f64(), rows);
        }
    }

    fn advance(&mut self, now_us: i64, dt_s: f64, rows: &mut Vec<(i64, Row)>) {
        let dt_s = dt_s * self.speed;
        let mut measured = Vec::new();
        let (running, paused) = (self.state == StationState::Running, self.state == StationState::Paused);
        let (end_s, progress) = match &mut self.channel {
            Channel::Cycler(cycler) => {
                if running {
                    cycler.advance(dt_s, &mut measured);
                } else if paused {
                    cycler.hold(dt_s);
                }
                (cycler.test_time_s(), cycler.progress().clone())
            }
            Channel::Replay(replay) => {
                if running {
                    replay.advance(dt_s, &mut measured);
                } else if paused {
                    replay.hold(dt_s);
                }
                (replay.test_time_s(), replay.progress().clone())
            }
            Channel::Idle(cell) => {
                if let Some(cell) = cell {
                    cell.advance(0.0, dt_s);
                }
                return;
            }
        };
        for row in measured {
            #[expect(clippy::cast_possible_truncation, reason = "less than the length of a tick")]
            let before_us = ((end_s - row.test_time_s).max(0.0) / self.speed * US_PER_S) as i64;
            // A tick that came early must not turn time back.
            self.last_at_us = (now_us - before_us).max(self.last_at_us + 1);
            rows.push((self.last_at_us, row));
        }
        match progress {
            Progress::Running => {}
            Progress::Finished => self.end_at_position(StationState::Finished, None),
            Progress::Fault(reason) => self.end_at_position(StationState::Fault, Some(reason)),
        }
    }

    /// Ends the experiment; the report of the end still names its last step and cycle.
    fn end_at_position(&mut self, state: StationState, reason: Option<String>) {
        let last = self.report();
        self.end(state, reason);
        self.reported = Some(last);
    }

    /// What there is to report of now.
    #[must_use]
    pub fn report(&self) -> StationReport {
        let position = match &self.channel {
            Channel::Cycler(cycler) => Some(cycler.position()),
            Channel::Replay(replay) => Some(replay.position()),
            Channel::Idle(_) => {
                let last = self.reported.as_ref().filter(|last| last.experiment == self.experiment);
                last.and_then(|last| last.step.zip(last.cycle))
            }
        };
        StationReport {
            station: self.station,
            experiment: self.experiment,
            state: self.state,
            step: position.map(|(step, _)| step),
            cycle: position.map(|(_, cycle)| cycle),
            reason: self.reason.clone(),
        }
    }

    /// The report, if it differs from the one given last.
    pub fn take_news(&mut self) -> Option<StationReport> {
        let report = self.report();
        (self.reported.as_ref() != Some(&report)).then(|| self.reported.insert(report).clone())
    }
}

#[cfg(test)]
mod tests;
