//! How fast a value changes, over a window rather than from one row to the next.

use std::collections::VecDeque;

/// Points kept of a window: rows between them are passed over, so that fast sampling costs no memory.
const POINTS: f64 = 8.0;
/// Points needed before a slope means anything.
const POINTS_MIN: usize = 3;

/// A window over a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slope {
    window_s: f64,
    points: VecDeque<(f64, f64)>,
    newest: Option<(f64, f64)>,
}

impl Slope {
    pub(super) fn new(window_s: f64) -> Self {
        Self { window_s, points: VecDeque::new(), newest: None }
    }

    /// Forgets what was: what comes next has nothing to do with it.
    pub(super) fn clear(&mut self) {
        self.points.clear();
        self.newest = None;
    }

    /// Takes a value at a moment, s; the change per second over the window, once the window is full. Time that stands
    /// still or runs back begins a new window.
    pub(super) fn follow(&mut self, at_s: f64, value: f64) -> Option<f64> {
        if self.newest.is_some_and(|(before_s, _)| at_s <= before_s) {
            self.clear();
        }
        self.newest = Some((at_s, value));
        let spacing_s = self.window_s / POINTS;
        if self.points.back().is_none_or(|(last_s, _)| at_s - last_s >= spacing_s) {
            self.points.push_back((at_s, value));
        }
        // The oldest point is the youngest one that is a window old.
        while self.points.get(1).is_some_and(|(second_s, _)| at_s - second_s >= self.window_s)
            && self.points.len() > POINTS_MIN
        {
            self.points.pop_front();
        }
        let (first_s, first) = *self.points.front()?;
        let span_s = at_s - first_s;
        (span_s >= self.window_s && self.points.len() >= POINTS_MIN).then(|| (value - first) / span_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slope_needs_its_whole_window() {
        let mut slope = Slope::new(5.0);
        let found: Vec<_> = (0..10).map(|at| slope.follow(f64::from(at), 2.0 * f64::from(at))).collect();
        assert!(found[..5].iter().all(Option::is_none) && found[5..].iter().all(|found| *found == Some(2.0)));
        assert_eq!(slope.follow(3.0, 0.0), None, "time ran back");
    }

    #[test]
    fn rows_far_apart_make_a_longer_window() {
        let mut slope = Slope::new(5.0);
        let found: Vec<_> = (0..4).map(|at| slope.follow(60.0 * f64::from(at), f64::from(at))).collect();
        assert_eq!(found, [None, None, Some(1.0 / 60.0), Some(1.0 / 60.0)]);
    }

    proptest! {
        #[test]
        fn a_straight_line_has_its_slope_and_memory_is_bounded(
            steps in proptest::collection::vec(0.001_f64..3.0, 1..300),
            gradient in -5.0_f64..5.0,
        ) {
            let mut slope = Slope::new(10.0);
            let mut at_s = 0.0;
            for step in steps {
                at_s += step;
                if let Some(found) = slope.follow(at_s, 3.0 + gradient * at_s) {
                    prop_assert!((found - gradient).abs() < 1e-6);
                }
                prop_assert!(slope.points.len() <= 12, "{}", slope.points.len());
            }
        }
    }
}
