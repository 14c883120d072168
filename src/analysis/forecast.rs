//! How far a run is, and when it will be done: the profile is tried once on a model of the battery, and the station's
//! position is looked up in that.

use std::collections::BTreeMap;

use super::cell_model::cell::Cell;
use super::dry_run::CellModel;
use super::run::{Progress, Run};
use crate::domain::profile::Steps;

/// Cycles that are tried: the first begins with the battery as it is, all later ones are like the second.
const CYCLES_TRIED: u32 = 2;
/// Most pieces computed, and the length of one, s: a forecast may be coarse, and a wall shows many.
const PIECES_MAX: usize = 20_000;
const PIECE_S: f64 = 15.0;
/// Where a voltage or a power is held, the model may take twice the capacity per hour.
const HELD_RATE_C: f64 = 2.0;
/// Steps of so long in all, s, must be done before anything is known of how fast the run really goes.
const KNOWN_S: f64 = 300.0;

/// How long every step of a run is expected to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Of each cycle tried: step, from 1, to seconds.
    cycles: Vec<BTreeMap<u32, f64>>,
    cycle_count: u32,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Share done, 0 to 1.
    pub share: f64,
    /// Seconds still to go.
    pub left_s: f64,
    /// Seconds still to go in the present step.
    pub step_left_s: f64,
}

impl Forecast {
    /// Tries steps on a model; `None` when the model does not come to the end of a cycle.
    #[must_use]
    pub fn new(steps: &Steps, model: &CellModel) -> Option<Self> {
        let capacity_ah = model.parameters.capacity_ah;
        let battery = Cell::new(model.parameters.clone(), model.soc, model.ambient_c);
        let mut run = Run::new(battery, steps.clone(), HELD_RATE_C * capacity_ah, PIECE_S);
        let mut cycles: Vec<BTreeMap<u32, f64>> = Vec::new();
        let mut is_whole = false;
        for _ in 0..PIECES_MAX {
            let (step, cycle) = run.position();
            if *run.progress() != Progress::Running || cycle > CYCLES_TRIED {
                is_whole = !matches!(run.progress(), Progress::Fault(_));
                break;
            }
            let before_s = run.time_s();
            let has_ended = run.advance(f64::INFINITY);
            let index = usize::try_from(cycle).unwrap_or(1).saturating_sub(1);
            cycles.resize(cycles.len().max(index + 1), BTreeMap::new());
            *cycles[index].entry(step).or_default() += run.time_s() - before_s;
            if has_ended {
                run.begin_next_step();
            }
        }
        if !is_whole {
            // The last cycle broke off: the ones before it are whole.
            cycles.pop();
        }
        (!cycles.is_empty()).then_some(Self { cycles, cycle_count: steps.cycle_count() })
    }

    fn cycle(&self, number: u32) -> &BTreeMap<u32, f64> {
        let index = usize::try_from(number.max(1)).unwrap_or(1).min(self.cycles.len()) - 1;
        &self.cycles[index]
    }

    fn cycle_s(&self, number: u32) -> f64 {
        self.cycle(number).values().sum()
    }

    /// Where a run stands that has been in a step of a cycle for `in_step_s`, and runs for `running_s` in all: what is left
    /// is stretched by how fast it went so far.
    #[must_use]
    pub fn standing(&self, cycle: u32, step: u32, in_step_s: f64, running_s: Option<f64>) -> Standing {
        let tried = u32::try_from(self.cycles.len()).unwrap_or(1);
        let whole_s = |cycles: u32| {
            let known: f64 = (1..=cycles.min(tried)).map(|number| self.cycle_s(number)).sum();
            known + f64::from(cycles.saturating_sub(tried)) * self.cycle_s(tried)
        };
        let steps = self.cycle(cycle);
        let before_s: f64 = steps.range(..step).map(|(_, seconds)| seconds).sum();
        let step_s = steps.get(&step).copied().unwrap_or(0.0);
        let done_before_s = whole_s(cycle.saturating_sub(1)) + before_s;
        let total_s = whole_s(self.cycle_count.max(cycle)).max(f64::MIN_POSITIVE);
        let speed = running_s
            .filter(|running_s| *running_s > 0.0 && done_before_s >= KNOWN_S)
            .map_or(1.0, |running_s| done_before_s / (running_s - in_step_s).max(1.0));
        let speed = speed.max(f64::MIN_POSITIVE);
        let done_in_step_s = (in_step_s * speed).clamp(0.0, step_s);
        let done_s = (done_before_s + done_in_step_s).min(total_s);
        Standing {
            share: done_s / total_s,
            left_s: (total_s - done_s) / speed,
            step_left_s: (step_s - done_in_step_s) / speed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cell_model::preset::Preset;
    use crate::domain::profile::{Step, StepEnd, StepMode};

    /// A rest of 100 s and one of 300 s, so many times.
    fn rests(cycles: u32) -> Forecast {
        let rest = |seconds| Step { mode: StepMode::Rest, until: vec![StepEnd::TimeS(seconds)] };
        let model = CellModel { parameters: Preset::Nmc21700.parameters(), soc: 0.5, ambient_c: 25.0 };
        Forecast::new(&Steps { steps: vec![rest(100.0), rest(300.0)], cycles }, &model).unwrap()
    }

    #[test]
    fn a_run_stands_where_its_steps_say() {
        let forecast = rests(10);
        let start = forecast.standing(1, 1, 0.0, Some(0.0));
        assert_eq!((start.share, start.left_s), (0.0, 4_000.0));
        let middle = forecast.standing(6, 1, 0.0, None);
        assert_eq!((middle.share, middle.left_s), (0.5, 2_000.0));
        let within = forecast.standing(6, 2, 100.0, None);
        assert!((within.share - 0.55).abs() < 1e-9, "{within:?}");
        assert!((within.step_left_s - 200.0).abs() < 1e-9, "{within:?}");
        // Longer in a step than expected: the step is not over, and does not count twice.
        assert!((forecast.standing(6, 1, 5_000.0, None).share - 0.525).abs() < 1e-9);
        assert_eq!(forecast.standing(10, 2, 300.0, None).left_s, 0.0);
    }

    #[test]
    fn what_is_left_goes_as_fast_as_what_was_done() {
        // Half of 4,000 s in 40 s: a laboratory fifty times as fast.
        let fast = rests(10).standing(6, 1, 0.0, Some(40.0));
        assert!((fast.left_s - 40.0).abs() < 1e-6, "{fast:?}");
        // At the very start nothing is known of it.
        assert_eq!(rests(10).standing(1, 1, 0.0, Some(2.0)).left_s, 4_000.0);
    }

    #[test]
    fn a_run_that_the_model_does_not_bear_has_no_forecast() {
        let charge = Step { mode: StepMode::Cc { current_a: 50.0 }, until: vec![StepEnd::TimeS(1e6)] };
        let model = CellModel { parameters: Preset::Nmc21700.parameters(), soc: 0.9, ambient_c: 25.0 };
        assert_eq!(Forecast::new(&Steps { steps: vec![charge], cycles: 1 }, &model), None);
    }
}
