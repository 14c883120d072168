//! Voltage over the charge moved in each half of a cycle, thinned as it grows.

use super::Moved;

/// Most points of one curve: more than its pixels.
const POINTS_MAX: usize = 256;
/// Most curves kept while rows go by; twice as many as are worth drawing.
const CURVES_MAX: usize = 48;
/// A current smaller than this part of the largest one moves nothing that would be seen.
const CURRENT_MIN: f64 = 1e-3;

/// Voltage over charge in one half of a cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Number of the cycle.
    pub cycle: f64,
    /// Whether it is the charge.
    pub is_charge: bool,
    /// Charge moved since the half began, Ah, and voltage, V.
    pub points: Vec<(f64, f64)>,
}

/// A curve and how many points it skips.
#[derive(Debug)]
struct Growing {
    curve: Curve,
    stride: usize,
    skipped: usize,
    last: (f64, f64),
}

/// The curves of an experiment.
#[derive(Debug, Default)]
pub(super) struct Curves {
    kept: Vec<Growing>,
    /// Both halves of the present cycle.
    present: [Option<Growing>; 2],
    /// Cycles so far, and of how many one is kept.
    cycles: usize,
    every: usize,
    current_max_a: f64,
}

impl Growing {
    fn point(&mut self, point: (f64, f64)) {
        self.last = point;
        self.skipped += 1;
        if self.skipped < self.stride {
            return;
        }
        self.skipped = 0;
        self.curve.points.push(point);
        if self.curve.points.len() >= POINTS_MAX {
            let mut at = 0;
            self.curve.points.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.stride *= 2;
        }
    }

    fn finish(mut self) -> Curve {
        if self.curve.points.last() != Some(&self.last) {
            self.curve.points.push(self.last);
        }
        self.curve
    }
}

impl Curves {
    /// A row of a cycle that has moved so much.
    pub(super) fn point(&mut self, cycle: f64, moved: &Moved, voltage_v: Option<f64>, current_a: f64) {
        self.current_max_a = self.current_max_a.max(current_a.abs());
        let is_other = |growing: &Growing| growing.curve.cycle.to_bits() != cycle.to_bits();
        if self.present.iter().flatten().any(is_other) {
            self.close();
        }
        let Some(voltage_v) = voltage_v.filter(|value| value.is_finite()) else { return };
        if current_a.abs() <= CURRENT_MIN * self.current_max_a {
            return;
        }
        let is_charge = current_a > 0.0;
        let point = (if is_charge { moved.charge_ah } else { moved.discharge_ah }, voltage_v);
        let growing = self.present[usize::from(is_charge)].get_or_insert_with(|| Growing {
            curve: Curve { cycle, is_charge, points: Vec::new() },
            stride: 1,
            skipped: 0,
            last: point,
        });
        growing.point(point);
    }

    /// Puts the halves of the present cycle aside.
    fn close(&mut self) {
        let halves = std::mem::take(&mut self.present);
        self.every = self.every.max(1);
        if self.cycles.is_multiple_of(self.every) {
            self.kept.extend(halves.into_iter().flatten());
        }
        self.cycles += 1;
        if self.kept.len() > CURVES_MAX {
            self.every *= 2;
            let mut numbers: Vec<u64> = self.kept.iter().map(|growing| growing.curve.cycle.to_bits()).collect();
            numbers.dedup();
            let dropped: Vec<u64> = numbers.into_iter().skip(1).step_by(2).collect();
            self.kept.retain(|growing| !dropped.contains(&growing.curve.cycle.to_bits()));
        }
    }

    pub(super) fn finish(mut self) -> Vec<Curve> {
        let last = std::mem::take(&mut self.present);
        let all = self.kept.into_iter().chain(last.into_iter().flatten());
        all.map(Growing::finish).filter(|curve| curve.points.len() > 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_life_is_thinned_evenly_and_keeps_its_ends() {
        let mut curves = Curves::default();
        for cycle in 0..1_000_u32 {
            for point in 0..1_000_u32 {
                let moved = Moved { discharge_ah: f64::from(point) / 1e3, ..Moved::default() };
                curves.point(f64::from(cycle), &moved, Some(4.0 - f64::from(point) / 1e3), -1.0);
            }
        }
        let curves = curves.finish();
        assert!((12..=CURVES_MAX + 2).contains(&curves.len()), "{}", curves.len());
        assert_eq!((curves[0].cycle, curves[curves.len() - 1].cycle), (0.0, 999.0));
        let steps: Vec<f64> = curves.windows(2).map(|pair| pair[1].cycle - pair[0].cycle).collect();
        assert!(steps[..steps.len() - 1].windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.5), "{steps:?}");
        for curve in &curves {
            assert!(curve.points.len() <= POINTS_MAX + 1);
            assert_eq!((curve.points[0].0, curve.points[curve.points.len() - 1].0), (0.0, 0.999));
        }
    }
}
