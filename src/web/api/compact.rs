//! The compact form of a series, for our own charts: the same points in a third of the bytes.
//!
//! Neighbours are nearly equal, so differences are sent in their place: of the times what is left of them after the usual
//! step, of the values, as integers of a scale, the difference from the value two before it, because the lowest and the highest of
//! pixels take turns. `static/js/compact.js` reads it; other programs are served the plain form.

use serde::Serialize;

use crate::series::codec::scale;

/// Ascending times.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Times {
    /// The first time, µs UTC; `null` without any.
    first_us: Option<i64>,
    /// The usual step from one to the next, µs.
    step_us: i64,
    /// For each further time, how much longer the step to it is than usual, µs.
    off_us: Vec<i64>,
}

impl Times {
    pub(super) fn new(times_us: &[i64]) -> Self {
        let mut off_us: Vec<i64> = times_us.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        let middle = off_us.len() / 2;
        let step_us = if off_us.is_empty() { 0 } else { *off_us.clone().select_nth_unstable(middle).1 };
        off_us.iter_mut().for_each(|step| *step = step.saturating_sub(step_us));
        Self { first_us: times_us.first().copied(), step_us, off_us }
    }
}

/// The values of a column; `None` where nothing was measured.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Values {
    /// Integers of a scale.
    Steps {
        /// The values are the integers over 10 to this power.
        decimals: u8,
        /// For each integer the difference from the one two before it, those that are there counted; the first two are
        /// themselves.
        steps: Vec<Option<i64>>,
    },
    /// Values that are no decimal numbers of up to nine decimals.
    Plain {
        /// As they are.
        values: Vec<Option<f64>>,
    },
}

impl Values {
    pub(super) fn new(mut values: Vec<Option<f64>>) -> Self {
        // JSON has no other numbers; and a chart knows one zero, while an instrument may send it with either sign.
        values.iter_mut().for_each(|value| *value = value.filter(|value| value.is_finite()).map(|value| value + 0.0));
        let there: Vec<f64> = values.iter().copied().flatten().collect();
        let mut scaled = Vec::with_capacity(there.len());
        let Some(decimals) = scale::find(&there, &mut scaled) else { return Self::Plain { values } };
        let (mut before, mut scaled) = ([0, 0], scaled.into_iter());
        let step = |value: Option<f64>| {
            let next = value.and_then(|_| scaled.next())?;
            let step = next - before[0];
            before = [before[1], next];
            Some(step)
        };
        Self::Steps { decimals, steps: values.into_iter().map(step).collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the browser does.
    fn times(packed: &Times) -> Vec<i64> {
        let mut at_us = packed.first_us.unwrap_or_default();
        let rest = packed.off_us.iter().map(|off_us| {
            at_us += packed.step_us + off_us;
            at_us
        });
        packed.first_us.into_iter().chain(rest).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "as in the browser")]
    fn values(packed: Values) -> Vec<Option<f64>> {
        match packed {
            Values::Plain { values } => values,
            Values::Steps { decimals, steps } => {
                let (mut before, power) = ([0, 0], 10_f64.powi(i32::from(decimals)));
                let value = |step: i64| {
                    before = [before[1], before[0] + step];
                    before[1] as f64 / power
                };
                let mut value = value;
                steps.into_iter().map(|step| step.map(&mut value)).collect()
            }
        }
    }

    #[test]
    fn pixels_of_a_regular_chart_are_short_steps() {
        assert_eq!(Times::new(&[5, 15, 25, 36]), Times { first_us: Some(5), step_us: 10, off_us: vec![0, 0, 1] });
        let packed = Values::new(vec![Some(3.6), Some(3.75), None, Some(3.61), Some(3.74), Some(f64::NAN)]);
        let steps = vec![Some(360), Some(375), None, Some(1), Some(-1), None];
        assert_eq!(packed, Values::Steps { decimals: 2, steps });
        assert_eq!(Times::new(&[]), Times { first_us: None, step_us: 0, off_us: vec![] });
    }

    proptest! {
        #[test]
        fn every_point_comes_back(
            steps in prop::collection::vec(0_i64..10_000_000_000, 0..50),
            drawn in prop::collection::vec(prop::option::of(-40_000_i32..40_000), 0..50),
            odd in prop::option::of(any::<f64>()),
            decimals in 0_i32..10,
        ) {
            let times_us: Vec<i64> = [1_700_000_000_000_000].into_iter().chain(steps).scan(0, |at, step| { *at += step; Some(*at) }).collect();
            prop_assert_eq!(times(&Times::new(&times_us)), times_us);
            let scale = 10_f64.powi(decimals);
            let drawn: Vec<Option<f64>> = drawn.into_iter().map(|value| value.map(|value| f64::from(value) / scale)).chain([odd]).collect();
            let expected: Vec<Option<f64>> = drawn.iter().map(|value| value.filter(|value| value.is_finite())).collect();
            prop_assert_eq!(values(Values::new(drawn)), expected);
        }
    }
}
