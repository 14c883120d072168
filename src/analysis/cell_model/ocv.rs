//! Open-circuit voltage over state of charge.
//!
//! Tables of 21 points in steps of 5 % at 25 °C equilibrium, computed from published parameter sets: NMC811 Chen 2020
//! (LG M50), LFP Prada 2013, both as distributed with PyBaMM; lead-acid from Bode 1977 electrode potentials as in
//! Sulzer 2019, electrolyte molality 2.1 to 5.8 mol/kg. Between the points runs a monotone cubic (Fritsch and Carlson
//! 1980), so that dV/dQ has no steps; above full the curve goes on with the slope of its last piece, below empty it
//! collapses.

/// Points of a table: 0 % to 100 % in steps of 5 %.
const POINTS: usize = 21;
/// How fast an empty cell loses its voltage, V per unit of state of charge: 0.2 V within a hundredth of its capacity.
const COLLAPSE_V: f64 = 20.0;
const SPACING: f64 = 1.0 / (POINTS as f64 - 1.0);

const NMC811_V: [f64; POINTS] = [
    2.500, 3.109, 3.296, 3.434, 3.485, 3.529, 3.581, 3.629, 3.667, 3.705, 3.751, 3.798, 3.841, 3.890, 3.948, 3.994,
    4.042, 4.081, 4.097, 4.124, 4.200,
];
const LFP_V: [f64; POINTS] = [
    2.000, 2.785, 2.978, 3.108, 3.168, 3.186, 3.206, 3.232, 3.252, 3.262, 3.266, 3.268, 3.269, 3.270, 3.274, 3.293,
    3.310, 3.313, 3.314, 3.316, 3.600,
];
const LEAD_ACID_V: [f64; POINTS] = [
    1.979, 1.987, 1.995, 2.003, 2.010, 2.018, 2.025, 2.032, 2.039, 2.046, 2.053, 2.059, 2.066, 2.073, 2.079, 2.085,
    2.092, 2.098, 2.104, 2.110, 2.116,
];

/// What a cell is made of, as far as its equilibrium voltage goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chemistry {
    /// Graphite-silicon against nickel-rich layered oxide, 2.5 to 4.2 V.
    Nmc811,
    /// Graphite against iron phosphate, 2.0 to 3.6 V.
    Lfp,
    /// Lead against lead oxide in sulphuric acid, 1.98 to 2.12 V per cell.
    LeadAcid,
}

/// The curve of one cell, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct OcvCurve {
    points_v: [f64; POINTS],
    slopes_v: [f64; POINTS],
}

impl OcvCurve {
    /// The curve of a chemistry.
    #[must_use]
    pub fn new(chemistry: Chemistry) -> Self {
        let points_v = match chemistry {
            Chemistry::Nmc811 => NMC811_V,
            Chemistry::Lfp => LFP_V,
            Chemistry::LeadAcid => LEAD_ACID_V,
        };
        Self { points_v, slopes_v: monotone_slopes(&points_v) }
    }

    /// Equilibrium voltage of one cell, V. `soc` is a fraction: 0 empty, 1 full; values beyond are continued.
    #[must_use]
    pub fn voltage_v(&self, soc: f64) -> f64 {
        let last = POINTS - 1;
        if soc <= 0.0 {
            return self.points_v[0] + soc * self.slopes_v[0].max(COLLAPSE_V);
        }
        if soc >= 1.0 {
            return self.points_v[last] + (soc - 1.0) * self.slopes_v[last];
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 < soc < 1, so the index is 0 to 19"
        )]
        let piece = ((soc / SPACING) as usize).min(last - 1);
        let t = soc / SPACING - piece as f64;
        let (left_v, right_v) = (self.points_v[piece], self.points_v[piece + 1]);
        let (left_slope_v, right_slope_v) = (self.slopes_v[piece] * SPACING, self.slopes_v[piece + 1] * SPACING);
        let (t2, t3) = (t * t, t * t * t);
        (2.0 * t3 - 3.0 * t2 + 1.0) * left_v
            + (t3 - 2.0 * t2 + t) * left_slope_v
            + (3.0 * t2 - 2.0 * t3) * right_v
            + (t3 - t2) * right_slope_v
    }
}

/// Slopes at the points, V per unit of state of charge, that let a cubic between rising points only rise.
fn monotone_slopes(points_v: &[f64; POINTS]) -> [f64; POINTS] {
    let secant = |piece: usize| (points_v[piece + 1] - points_v[piece]) / SPACING;
    let mut slopes = [0.0; POINTS];
    slopes[0] = secant(0);
    slopes[POINTS - 1] = secant(POINTS - 2);
    for (point, slope) in (1..).zip(&mut slopes[1..POINTS - 1]) {
        let (left, right) = (secant(point - 1), secant(point));
        // The harmonic mean is below three times the flatter side: the condition for a monotone piece.
        *slope = if left * right > 0.0 { 2.0 * left * right / (left + right) } else { 0.0 };
    }
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Chemistry; 3] = [Chemistry::Nmc811, Chemistry::Lfp, Chemistry::LeadAcid];

    #[test]
    fn the_curve_passes_through_its_table() {
        let nmc = OcvCurve::new(Chemistry::Nmc811);
        for (soc, volts) in [(0.0, 2.5), (0.25, 3.529), (0.5, 3.751), (1.0, 4.2)] {
            assert!((nmc.voltage_v(soc) - volts).abs() < 1e-9, "{soc}");
        }
        assert!((OcvCurve::new(Chemistry::Lfp).voltage_v(0.5) - 3.266).abs() < 1e-9);
        // Six cells full and empty: the usual 12.7 V and 11.9 V of a starter battery.
        let lead_acid = OcvCurve::new(Chemistry::LeadAcid);
        assert!((6.0 * lead_acid.voltage_v(1.0) - 12.696).abs() < 1e-9);
        assert!((6.0 * lead_acid.voltage_v(0.0) - 11.874).abs() < 1e-9);
    }

    #[test]
    fn more_charge_always_means_more_voltage() {
        for chemistry in ALL {
            let curve = OcvCurve::new(chemistry);
            let volts: Vec<f64> = (-200..=1200).map(|step| curve.voltage_v(f64::from(step) / 1000.0)).collect();
            assert!(volts.windows(2).all(|pair| pair[1] > pair[0]), "{chemistry:?}");
        }
    }

    #[test]
    fn an_empty_lead_acid_cell_collapses_to_its_final_voltage_at_once() {
        // 1.75 V, the usual end of discharge, lies 0.229 V below the end of the table.
        assert!((OcvCurve::new(Chemistry::LeadAcid).voltage_v(-0.229 / 20.0) - 1.75).abs() < 1e-9);
    }

    #[test]
    fn beyond_full_the_curve_goes_on_straight() {
        let nmc = OcvCurve::new(Chemistry::Nmc811);
        // The last piece rises by 4.200 - 4.124 = 76 mV in 5 %.
        assert!((nmc.voltage_v(1.05) - 4.276).abs() < 1e-9);
    }
}
