//! Whether steps fit a battery and a station: every kind of step, every problem.

use super::steps::{StepEnd, StepMode, Steps};
use crate::domain::limits::Limits;

/// A step that a battery or a station does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Number of the step, from 1.
    pub step: u32,
    /// What it needs and what is allowed: “Needs +14.40 A. NMC-022 takes at most +4.80 A.”
    pub message: String,
}

/// What of the steps the battery or the station, each with its name, does not allow; empty when everything fits.
///
/// A power becomes a current at the lowest voltage the step can reach, where the current is largest.
#[must_use]
pub fn check(steps: &Steps, battery: Option<(&str, &Limits)>, station: Option<(&str, &Limits)>) -> Vec<Misfit> {
    let bounds: Vec<(&str, &Limits)> = battery.into_iter().chain(station).collect();
    let window = match (battery, station) {
        (Some((_, battery)), Some((_, station))) => Some(battery.both(station)),
        (one, other) => one.or(other).map(|(_, limits)| *limits),
    };
    let mut misfits = Vec::new();
    for (step, of_step) in (1..).zip(&steps.steps) {
        let mut complaints = Vec::new();
        for (name, limits) in &bounds {
            let bound = Bound { name, limits };
            bound.mode(of_step.mode, &of_step.until, window, &mut complaints);
            for end in &of_step.until {
                bound.end(*end, of_step.mode, &mut complaints);
            }
        }
        misfits.extend(complaints.into_iter().map(|message| Misfit { step, message }));
    }
    misfits
}

/// Something with limits and a name.
struct Bound<'fit> {
    name: &'fit str,
    limits: &'fit Limits,
}

impl Bound<'_> {
    fn mode(&self, mode: StepMode, until: &[StepEnd], window: Option<Limits>, complaints: &mut Vec<String>) {
        match mode {
            StepMode::Rest | StepMode::Loop { .. } => {}
            StepMode::Cc { current_a } => complaints.extend(self.current(current_a, "")),
            StepMode::Cv { voltage_v } => complaints.extend(self.voltage(voltage_v, "Holds")),
            StepMode::CcCv { current_a, voltage_v } => {
                complaints.extend(self.current(current_a, ""));
                complaints.extend(self.voltage(voltage_v, "Goes to"));
            }
            StepMode::Cp { power_w } => {
                let lowest = window.map(|limits| limits.voltage_min_v).unwrap_or_default();
                let end = until.iter().find_map(|end| match end {
                    // A discharge ends there, so it does not go lower.
                    StepEnd::VoltageV(volts) if power_w < 0.0 => Some(*volts),
                    _ => None,
                });
                let highest_v = window.map(|limits| limits.voltage_max_v).unwrap_or_default();
                let lowest_v = end.map_or(lowest, |end_v| end_v.max(lowest));
                // Near 0 V no power is possible at all: then what it takes at best is compared.
                let at_v = if lowest_v > 0.0 { lowest_v } else { highest_v };
                if at_v > 0.0 {
                    complaints.extend(self.current(power_w / at_v, &format!(" at {at_v:.3} V")));
                }
            }
        }
    }

    fn end(&self, end: StepEnd, mode: StepMode, complaints: &mut Vec<String>) {
        match (end, mode) {
            (StepEnd::VoltageV(volts), _) => complaints.extend(self.voltage(volts, "Goes to")),
            (StepEnd::CurrentA(amperes), StepMode::Cv { .. }) => {
                let largest_a = self.limits.current_max_a.max(-self.limits.current_min_a);
                if amperes > largest_a {
                    complaints.push(format!(
                        "Ends at {amperes:.2} A. {} takes at most {largest_a:.2} A, so it would end at once.",
                        self.name
                    ));
                }
            }
            _ => {}
        }
    }

    fn current(&self, current_a: f64, at: &str) -> Option<String> {
        let Limits { current_min_a, current_max_a, .. } = *self.limits;
        let most_a = if current_a > 0.0 { current_max_a } else { current_min_a };
        let fits = if current_a > 0.0 { current_a <= most_a } else { current_a >= most_a };
        let takes = if most_a == 0.0 {
            format!("cannot {}", if current_a > 0.0 { "charge" } else { "discharge" })
        } else {
            format!("takes at most {}", amperes(most_a))
        };
        (!fits).then(|| format!("Needs {}{at}. {} {takes}.", amperes(current_a), self.name))
    }

    fn voltage(&self, voltage_v: f64, verb: &str) -> Option<String> {
        let Limits { voltage_min_v, voltage_max_v, .. } = *self.limits;
        if voltage_v > voltage_max_v {
            Some(format!("{verb} {} V. {} takes at most {} V.", volts(voltage_v), self.name, volts(voltage_max_v)))
        } else if voltage_v < voltage_min_v {
            Some(format!("{verb} {} V. {} takes no less than {} V.", volts(voltage_v), self.name, volts(voltage_min_v)))
        } else {
            None
        }
    }
}

fn volts(voltage_v: f64) -> String {
    format!("{}{:.3}", if voltage_v < 0.0 { "−" } else { "" }, voltage_v.abs())
}

fn amperes(current_a: f64) -> String {
    let sign = if current_a < 0.0 { "−" } else { "+" };
    let magnitude = current_a.abs();
    // Two decimals for cyclers, enough digits for coin cells.
    if magnitude >= 0.1 || magnitude == 0.0 {
        format!("{sign}{magnitude:.2} A")
    } else {
        format!("{sign}{magnitude:.3e} A")
    }
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    const CELL: Limits = Limits { voltage_min_v: 2.5, voltage_max_v: 4.2, current_min_a: -9.6, current_max_a: 4.8 };
    const STATION: Limits = Limits { voltage_min_v: 0.0, voltage_max_v: 5.0, current_min_a: -6.0, current_max_a: 6.0 };

    fn misfits(profile: &str) -> Vec<String> {
        let steps = text::read(profile).unwrap().resolve(4.8).unwrap();
        let found = check(&steps, Some(("NMC-022", &CELL)), Some(("A4", &STATION)));
        found.into_iter().map(|misfit| format!("{}: {}", misfit.step, misfit.message)).collect()
    }

    #[test]
    fn what_fits_both_is_not_complained_about() {
        assert_eq!(misfits("CC, 1C, VOLTAGE, 4.2\nCV, 4.2, CURRENT, 0.05C\nWAIT, 60\nCC, -6, VOLTAGE, 2.5"), [""; 0]);
        assert_eq!(misfits("WAIT, 10\nWAIT, 86400\nCC, 0, TIME, 10"), [""; 0]);
    }

    #[test]
    fn every_kind_of_step_is_checked_against_both() {
        assert_eq!(
            misfits("WAIT, 1\nCC, 3C, TIME, 1"),
            ["2: Needs +14.40 A. NMC-022 takes at most +4.80 A.", "2: Needs +14.40 A. A4 takes at most +6.00 A."]
        );
        assert_eq!(misfits("CC, -8, TIME, 1"), ["1: Needs −8.00 A. A4 takes at most −6.00 A."]);
        assert_eq!(misfits("CC, -1, VOLTAGE, 2"), ["1: Goes to 2.000 V. NMC-022 takes no less than 2.500 V."]);
        assert_eq!(misfits("CV, 4.3, TIME, 1"), ["1: Holds 4.300 V. NMC-022 takes at most 4.200 V."]);
        assert_eq!(
            misfits("CV, 4, CURRENT, 7"),
            ["1: Ends at 7.00 A. A4 takes at most 6.00 A, so it would end at once."]
        );
        assert_eq!(misfits("CCCV, 5, 4.25, TIME, 1").len(), 2);
        // 20 W are 8 A at 2.5 V, but 6.67 A at 3 V.
        assert_eq!(misfits("CP, -20, TIME, 1"), ["1: Needs −8.00 A at 2.500 V. A4 takes at most −6.00 A."]);
        assert_eq!(misfits("CP, -20, VOLTAGE, 3.4"), [""; 0]);
        assert_eq!(misfits("CP, 13, TIME, 1"), ["1: Needs +5.20 A at 2.500 V. NMC-022 takes at most +4.80 A."]);
    }

    #[test]
    fn all_problems_are_told_not_only_the_last() {
        assert_eq!(misfits("CC, 100, VOLTAGE, 6\nCV, 9, TIME, 1").len(), 6);
    }

    #[test]
    fn a_station_that_cannot_charge_says_so() {
        let sink = Limits { current_max_a: 0.0, ..STATION };
        let steps = text::read("CC, 1, TIME, 1").unwrap().resolve(1.0).unwrap();
        let found = check(&steps, None, Some(("Load 1", &sink)));
        assert_eq!(found[0].message, "Needs +1.00 A. Load 1 cannot charge.");
    }
}
