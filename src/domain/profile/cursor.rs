//! Which step comes next: loops and cycles, for everybody who executes steps.

use super::steps::{StepMode, Steps, cursor_is_outermost};

/// A place in steps being executed; it always stands on a step that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    index: usize,
    cycle: u32,
    cycles_done: u32,
    /// Passes of each loop so far, at the index of the loop.
    passes: Vec<u32>,
}

impl Cursor {
    /// The first step; `None` when there is nothing to execute.
    #[must_use]
    pub fn start(steps: &Steps) -> Option<Self> {
        let is_work = |mode: StepMode| !matches!(mode, StepMode::Loop { .. });
        steps.steps.iter().any(|step| is_work(step.mode)).then_some(())?;
        let start = Self { index: 0, cycle: 1, cycles_done: 0, passes: vec![0; steps.steps.len()] };
        start.settle(steps)
    }

    /// Number of the step, from 1.
    #[must_use]
    pub fn step(&self) -> u32 {
        u32::try_from(self.index + 1).unwrap_or(u32::MAX)
    }

    /// Index of the step, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Cycle, from 1: counts passes of the whole, or else of the loops that lie in no other loop.
    #[must_use]
    pub fn cycle(&self) -> u32 {
        self.cycle
    }

    /// The place after this step; `None` at the end.
    #[must_use]
    pub fn next(mut self, steps: &Steps) -> Option<Self> {
        self.index += 1;
        self.settle(steps)
    }

    /// Follows loops and the end of a cycle until a step that takes time is reached.
    ///
    /// A loop that leads to itself, forward or to another loop is passed over: [`super::Program`] refuses such, but steps
    /// also come over the wire.
    fn settle(mut self, steps: &Steps) -> Option<Self> {
        loop {
            let Some(step) = steps.steps.get(self.index) else {
                self.cycles_done = self.cycles_done.saturating_add(1);
                if self.cycles_done >= steps.cycles {
                    return None;
                }
                (self.index, self.cycle) = (0, self.cycle.saturating_add(1));
                continue;
            };
            let StepMode::Loop { to, times } = step.mode else { return Some(self) };
            let goal = (to as usize).checked_sub(1).filter(|goal| *goal < self.index);
            let goal = goal.filter(|goal| !matches!(steps.steps[*goal].mode, StepMode::Loop { .. }));
            let passes = self.passes[self.index] + 1;
            match goal {
                Some(goal) if passes < times => {
                    self.passes[self.index] = passes;
                    if steps.cycles <= 1 && cursor_is_outermost(steps, self.index) {
                        self.cycle = self.cycle.saturating_add(1);
                    }
                    self.index = goal;
                }
                _ => {
                    self.passes[self.index] = 0;
                    self.index += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::{Step, StepEnd};
    use super::*;

    fn rest() -> Step {
        Step { mode: StepMode::Rest, until: vec![StepEnd::TimeS(1.0)] }
    }

    fn back(to: u32, times: u32) -> Step {
        Step { mode: StepMode::Loop { to, times }, until: vec![] }
    }

    fn order(steps: Vec<Step>, cycles: u32) -> Vec<(u32, u32)> {
        let (executed, is_all) = Steps { steps, cycles }.expand(100);
        assert!(is_all);
        executed
    }

    #[test]
    fn a_loop_counts_all_its_passes() {
        let steps = vec![rest(), rest(), rest(), back(2, 3), rest()];
        let expected = [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (2, 3), (3, 3), (5, 3)];
        assert_eq!(order(steps.clone(), 1), expected);
        assert_eq!(Steps { steps, cycles: 1 }.cycle_count(), 3);
    }

    #[test]
    fn an_inner_loop_begins_anew_and_does_not_count_cycles() {
        let steps = vec![rest(), rest(), back(2, 2), back(1, 2)];
        assert_eq!(order(steps.clone(), 1), [(1, 1), (2, 1), (2, 1), (1, 2), (2, 2), (2, 2)]);
        assert_eq!(Steps { steps, cycles: 1 }.cycle_count(), 2);
    }

    #[test]
    fn cycles_repeat_the_whole() {
        let steps = vec![rest(), back(1, 2)];
        assert_eq!(order(steps.clone(), 2), [(1, 1), (1, 1), (1, 2), (1, 2)]);
        assert_eq!(Steps { steps, cycles: 2 }.cycle_count(), 2);
    }

    #[test]
    fn nonsense_from_the_wire_ends_all_the_same() {
        assert!(Cursor::start(&Steps { steps: vec![], cycles: 1 }).is_none());
        assert!(Cursor::start(&Steps { steps: vec![back(1, 5)], cycles: u32::MAX }).is_none());
        assert_eq!(order(vec![rest(), back(2, u32::MAX), back(9, 9), back(0, 2)], 1), [(1, 1)]);
        // Crossing loops: both are followed, and both end.
        let crossing = order(vec![rest(), rest(), back(1, 2), rest(), back(2, 2)], 1);
        assert_eq!(crossing.last(), Some(&(4, 2)));
    }

    #[test]
    fn unrolling_stops_at_its_bound() {
        let steps = Steps { steps: vec![rest(), back(1, u32::MAX)], cycles: u32::MAX };
        let (executed, is_all) = steps.expand(10);
        assert_eq!((executed.len(), is_all), (10, false));
    }
}
