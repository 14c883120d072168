//! A station of a simulated unit: a channel, its experiment, and the rows waiting to be sent.
//!
//! **Time.** A station runs its battery `speed` times faster than real time, but stamps rows with the real clock: charts
//! move in windows of minutes, and a day's cycle passes in them. Charge and energy columns count the battery's own time,
//! which stands in the column `test_time_s`; at speed 1 both times are the same.

use super::cycler::{Cycler, Limits, Progress, Row};
use super::plan::{StationPlan, Work};
use super::replay::Replay;
use crate::analysis::cell_model::cell::Cell;
use crate::domain::ids::{ExperimentId, StationId};
use crate::domain::message::StationReport;
use crate::domain::profile::Steps;
use crate::domain::sample::Subject;
use crate::domain::station::StationState;

const US_PER_S: f64 = 1e6;

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
    experiment: ExperimentId,
    channel: Channel,
    current_max_a: f64,
    speed: f64,
    seed: u64,
    state: StationState,
    reason: Option<String>,
    reported: Option<StationReport>,
    last_at_us: i64,
}

impl Station {
    /// A station that begins its experiment with the next tick.
    #[must_use]
    pub fn new(plan: StationPlan) -> Self {
        let mut station = Self {
            station: plan.station,
            experiment: plan.experiment,
            channel: Channel::Idle(None),
            current_max_a: plan.current_max_a,
            speed: plan.speed,
            seed: plan.seed,
            state: StationState::Idle,
            reason: None,
            reported: None,
            last_at_us: i64::MIN,
        };
        station.load(plan);
        station
    }

    /// Begins another experiment, with the battery of the plan or else the one that is there.
    pub fn load(&mut self, plan: StationPlan) {
        let present = match std::mem::replace(&mut self.channel, Channel::Idle(None)) {
            Channel::Idle(cell) => cell,
            Channel::Cycler(cycler) => Some(Box::new(cycler.cell().clone())),
            Channel::Replay(_) => None,
        };
        self.experiment = plan.experiment;
        (self.current_max_a, self.speed, self.seed) = (plan.current_max_a, plan.speed, plan.seed);
        (self.state, self.reason) = (StationState::Running, None);
        self.channel = match (plan.work, plan.cell.or(present.map(|cell| *cell))) {
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

    /// Executes steps of an experiment on the battery that is there, within the battery's own limits unless others are
    /// given.
    ///
    /// # Errors
    /// In words, when the station is busy or has no battery.
    pub fn start(
        &mut self,
        experiment: ExperimentId,
        steps: Steps,
        limits: Option<Limits>,
    ) -> Result<(), &'static str> {
        match std::mem::replace(&mut self.channel, Channel::Idle(None)) {
            Channel::Idle(Some(cell)) => {
                let limits = limits.unwrap_or(Limits::of(cell.parameters()));
                let cycler = Cycler::new(*cell, steps, self.current_max_a, self.seed).with_limits(limits);
                self.channel = Channel::Cycler(Box::new(cycler));
                self.experiment = experiment;
                (self.state, self.reason) = (StationState::Running, None);
                Ok(())
            }
            Channel::Idle(None) => Err("there is no battery"),
            busy => {
                self.channel = busy;
                Err("the station is busy")
            }
        }
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

    /// Ends the experiment and keeps the battery; a station without one has nothing to stop, which is success.
    pub fn stop(&mut self, reason: &str) {
        if matches!(self.state, StationState::Running | StationState::Paused) {
            self.end_at_position(StationState::Stopped, Some(reason.to_owned()));
        }
    }

    fn end(&mut self, state: StationState, reason: Option<String>) {
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

    /// Number of its present or last experiment.
    #[must_use]
    pub fn experiment(&self) -> ExperimentId {
        self.experiment
    }

    /// Largest current of its channel, A.
    #[must_use]
    pub fn current_max_a(&self) -> f64 {
        self.current_max_a
    }

    /// What rows of it are about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::Experiment(self.experiment)
    }

    /// Lets `dt_s` seconds of real time pass until `now_us`; adds the rows measured, with their stamps.
    pub fn tick(&mut self, now_us: i64, dt_s: f64, rows: &mut Vec<(i64, Row)>) {
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
                let last = self.reported.as_ref().filter(|last| last.experiment == Some(self.experiment));
                last.and_then(|last| last.step.zip(last.cycle))
            }
        };
        StationReport {
            station: self.station,
            experiment: Some(self.experiment),
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
mod tests {
    use super::*;
    use crate::analysis::cell_model::preset::Preset;
    use crate::domain::profile::{Step, StepEnd, StepMode};

    fn plan(speed: f64) -> StationPlan {
        let discharge = Step { mode: StepMode::Cc { current_a: -5.0 }, until: vec![StepEnd::TimeS(30.0)] };
        let rest = Step { mode: StepMode::Rest, until: vec![StepEnd::TimeS(30.0)] };
        StationPlan {
            station: StationId(4),
            experiment: ExperimentId(9),
            cell: Some(Cell::new(Preset::Nmc21700.parameters(), 0.8, 25.0)),
            work: Work::Profile(Steps { steps: vec![discharge, rest], cycles: 1 }),
            current_max_a: 10.0,
            speed,
            seed: 1,
        }
    }

    #[test]
    fn rows_bear_real_time_while_the_battery_runs_faster() {
        let mut station = Station::new(plan(60.0));
        let mut rows = Vec::new();
        for tick in 1..=5 {
            station.tick(tick * 100_000, 0.1, &mut rows);
        }
        // 0.1 s of real time are 6 s of the battery's.
        let times: Vec<(i64, f64)> = rows.iter().map(|(at_us, row)| (*at_us, row.test_time_s)).collect();
        assert_eq!(times[..2], [(100_000, 6.0), (200_000, 12.0)]);
        assert!((rows[4].1.capacity_ah + 5.0 * 30.0 / 3600.0).abs() < 1e-5);
    }

    #[test]
    fn every_change_of_step_and_the_end_are_reported_once() {
        let mut station = Station::new(plan(60.0));
        let mut news = Vec::from_iter(station.take_news());
        for tick in 1..=30 {
            station.tick(tick * 100_000, 0.1, &mut Vec::new());
            news.extend(station.take_news());
        }
        let told: Vec<_> = news.iter().map(|report| (report.state, report.step, report.cycle)).collect();
        let (running, finished) = (StationState::Running, StationState::Finished);
        assert_eq!(told, [(running, Some(1), Some(1)), (running, Some(2), Some(1)), (finished, Some(2), Some(1))]);
    }

    #[test]
    fn a_station_keeps_its_battery_for_the_next_experiment() {
        let mut station = Station::new(plan(60.0));
        (1..=30).for_each(|tick| station.tick(tick * 100_000, 0.1, &mut Vec::new()));
        assert!(station.start(ExperimentId(10), Steps { steps: vec![], cycles: 1 }, None).is_ok());
        station.load(StationPlan { cell: None, experiment: ExperimentId(11), ..plan(1.0) });
        let Channel::Cycler(cycler) = &station.channel else { panic!("{station:?}") };
        // 5 A for 30 s took 0.83 % of 5 Ah from the 80 %.
        assert!((cycler.cell().soc() - (0.8 - 30.0 / 3600.0)).abs() < 1e-5);
    }

    #[test]
    fn a_paused_station_measures_nothing_and_goes_on_where_it_was() {
        let mut station = Station::new(plan(10.0));
        station.tick(100_000, 0.1, &mut Vec::new());
        station.pause(true).unwrap();
        let mut rows = Vec::new();
        station.tick(200_000, 0.1, &mut rows);
        assert!(rows.is_empty() && station.take_news().unwrap().state == StationState::Paused);
        station.pause(false).unwrap();
        station.tick(300_000, 0.1, &mut rows);
        // 1 s before and 1 s after the pause of 1 s.
        assert!((rows[0].1.capacity_ah + 5.0 * 2.0 / 3600.0).abs() < 1e-5);
        assert_eq!(rows[0].1.test_time_s, 3.0);
        station.stop("enough");
        assert_eq!(station.take_news().unwrap().state, StationState::Stopped);
        assert!(station.pause(true).is_err());
    }
}
