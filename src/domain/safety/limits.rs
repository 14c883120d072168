//! The limits a run gets where nobody gave others.
//!
//! Voltage and current are those of the battery and the station together. The rest follows from the chemistry, the capacity
//! and the profile. A limit is the value that may still be reached: a profile that ends at 4.200 V with a limit of
//! 4.200 V is within it. What the instrument's uncertainty adds is allowed for by the watch, not here.
//!
//! # Where the figures come from
//!
//! | Chemistry | Temperature, charging too | discharging only | Rise | Charge in one direction |
//! |---|---|---|---|---|
//! | NMC, NCA, LMO, LCO, LFP, sodium ion | 0 to 60 °C | −20 to 60 °C | 10 °C/min | 1.2 times the capacity |
//! | LTO | −20 to 55 °C | −20 to 55 °C | 10 °C/min | 1.2 times |
//! | Lead-acid | 0 to 50 °C | −20 to 50 °C | 5 °C/min | 1.5 times |
//! | Redox stack, vanadium and others | 5 to 45 °C | 5 to 45 °C | 5 °C/min | 1.5 times |
//! | Not known, other lithium | 0 to 45 °C | −10 to 45 °C | 5 °C/min | 1.5 times |
//!
//! - Lithium: data sheets of 18650 and 21700 cells allow 60 °C at the surface while discharging and nothing below 0 °C while
//!   charging, where lithium plates. Self-heating of the SEI begins at 80 to 90 °C, so 60 °C leaves time. LTO does not
//!   plate and is sold for −20 to 55 °C.
//! - Lead-acid: makers of VRLA blocks end at 50 °C; above it, float charge runs away. They take 10 to 20 % more charge
//!   than they give, hence the wider charge limit.
//! - Vanadium: V₂O₅ falls out of the electrolyte above 40 °C, and V(II) and V(III) salts below 10 °C; 5 °C are left on both
//!   sides for a sensor in the pipe.
//! - Rise: the regulation UN GTR 20 speaks of thermal runaway from 1 °C/s. A cell cycled at 1C in still air warms by 1 to
//!   2 °C/min; heat grows with the square of the current, so above 2C the limit grows with the C-rate of the profile.
//! - Voltage at a steady current: the steepest honest change is the end of a discharge, about 0.01 V/s per cell at 1C.
//!   Ten times that is a lost contact or a short circuit; it grows with the C-rate.
//! - Duration: what the steps can take at most (their time limits, or the charge limit at their current, and a day for
//!   each held voltage), a tenth and ten minutes on top.

use crate::domain::battery::{BatteryFacts, Technology};
use crate::domain::limits::Limits;
use crate::domain::profile::{Step, StepEnd, StepMode, Steps};
use crate::domain::run::RunLimits;

/// Fastest change of a cell's voltage at a steady current, at 1C or less, V/s.
const CELL_VOLTAGE_RATE_MAX_V_PER_S: f64 = 0.1;
/// C-rate from which the allowed rise of the temperature grows, 1/h.
const TEMPERATURE_RATE_FROM_C_RATE: f64 = 2.0;
/// A profile may ask for this much more charge than it names before it is stopped.
const CAPACITY_MARGIN: f64 = 1.05;
/// How long a step that holds a voltage until the current has fallen may take, s: a day.
const HELD_VOLTAGE_S: f64 = 86_400.0;
/// What the duration of a run may exceed its estimate by: a tenth …
const TIME_MARGIN: f64 = 1.1;
/// … and ten minutes, s.
const TIME_SPARE_S: f64 = 600.0;
/// Executed steps that are added up; a run of more has no limit of its duration.
const STEPS_MAX: usize = 100_000;
/// Smallest current that a duration is estimated with, A.
const CURRENT_MIN_A: f64 = 1e-6;

/// What is usual for a chemistry.
struct Usual {
    temperature_min_c: f64,
    /// The same for a profile that charges.
    charge_temperature_min_c: f64,
    temperature_max_c: f64,
    temperature_rate_max_c_per_min: f64,
    /// Charge in one direction over the nominal capacity.
    capacity_ratio: f64,
}

const LITHIUM: Usual = Usual {
    temperature_min_c: -20.0,
    charge_temperature_min_c: 0.0,
    temperature_max_c: 60.0,
    temperature_rate_max_c_per_min: 10.0,
    capacity_ratio: 1.2,
};
const LTO: Usual = Usual { charge_temperature_min_c: -20.0, temperature_max_c: 55.0, ..LITHIUM };
const LEAD_ACID: Usual = Usual {
    temperature_min_c: -20.0,
    charge_temperature_min_c: 0.0,
    temperature_max_c: 50.0,
    temperature_rate_max_c_per_min: 5.0,
    capacity_ratio: 1.5,
};
const REDOX: Usual =
    Usual { temperature_min_c: 5.0, charge_temperature_min_c: 5.0, temperature_max_c: 45.0, ..LEAD_ACID };
const UNKNOWN: Usual = Usual { temperature_min_c: -10.0, temperature_max_c: 45.0, ..LEAD_ACID };

impl Usual {
    fn of(technology: Technology, chemistry: &str) -> &'static Self {
        match technology {
            Technology::Lithium if chemistry.eq_ignore_ascii_case("LTO") => &LTO,
            Technology::Lithium if chemistry.is_empty() || chemistry.eq_ignore_ascii_case("other") => &UNKNOWN,
            Technology::Lithium => &LITHIUM,
            Technology::LeadAcid => &LEAD_ACID,
            Technology::RedoxStack => &REDOX,
            Technology::Generic => &UNKNOWN,
        }
    }
}

/// The limits of a run of `steps` on a battery at a station.
///
/// A station without a temperature among its measures cannot keep the temperature: use [`without_temperature`] for it.
#[must_use]
pub fn limits_for(battery: &BatteryFacts, station: &Limits, steps: &Steps) -> RunLimits {
    let electrical = RunLimits::electrical(battery, station);
    let usual = Usual::of(battery.technology, &battery.chemistry);
    let charges = steps.steps.iter().any(|step| charges(step.mode));
    let c_rate = largest_current_a(steps, &electrical) / battery.capacity_ah.max(CURRENT_MIN_A);
    let named_ah = steps.steps.iter().flat_map(|step| &step.until).filter_map(|end| match end {
        StepEnd::CapacityAh(charge_ah) => Some(charge_ah.abs() * CAPACITY_MARGIN),
        _ => None,
    });
    let capacity_max_ah = named_ah.fold(battery.capacity_ah * usual.capacity_ratio, f64::max);
    let cells = f64::from(battery.cells_series.max(1));
    RunLimits {
        temperature_min_c: Some(if charges { usual.charge_temperature_min_c } else { usual.temperature_min_c }),
        temperature_max_c: Some(usual.temperature_max_c),
        capacity_max_ah: (capacity_max_ah > 0.0).then_some(capacity_max_ah),
        time_max_s: duration_max_s(steps, capacity_max_ah, &electrical),
        voltage_rate_max_v_per_s: Some(CELL_VOLTAGE_RATE_MAX_V_PER_S * cells * c_rate.max(1.0)),
        temperature_rate_max_c_per_min: Some(
            usual.temperature_rate_max_c_per_min * (c_rate / TEMPERATURE_RATE_FROM_C_RATE).max(1.0),
        ),
        ..electrical
    }
}

/// The same limits for a station that does not measure the temperature.
#[must_use]
pub fn without_temperature(limits: RunLimits) -> RunLimits {
    RunLimits { temperature_min_c: None, temperature_max_c: None, temperature_rate_max_c_per_min: None, ..limits }
}

fn charges(mode: StepMode) -> bool {
    match mode {
        StepMode::Rest | StepMode::Loop { .. } => false,
        StepMode::Cc { current_a } | StepMode::CcCv { current_a, .. } => current_a > 0.0,
        StepMode::Cp { power_w } => power_w > 0.0,
        // It goes up or down, whatever the battery's voltage is by then.
        StepMode::Cv { .. } => true,
    }
}

/// The largest current the steps ask for, A; a held voltage asks for none by itself.
fn largest_current_a(steps: &Steps, limits: &RunLimits) -> f64 {
    let lowest_v = limits.voltage_min_v.max(0.5 * limits.voltage_max_v);
    let currents = steps.steps.iter().map(|step| match step.mode {
        StepMode::Cc { current_a } | StepMode::CcCv { current_a, .. } => current_a.abs(),
        StepMode::Cp { power_w } if lowest_v > 0.0 => power_w.abs() / lowest_v,
        _ => 0.0,
    });
    currents.fold(0.0, f64::max)
}

/// The longest a run of these steps can take, s; `None` where nothing says.
fn duration_max_s(steps: &Steps, capacity_max_ah: f64, limits: &RunLimits) -> Option<f64> {
    let (executed, is_all) = steps.expand(STEPS_MAX);
    if !is_all {
        return None;
    }
    let of_step: Vec<f64> = steps.steps.iter().map(|step| step_max_s(step, capacity_max_ah, limits)).collect();
    let total_s: f64 =
        executed.iter().filter_map(|(number, _)| of_step.get(usize::try_from(*number).ok()?.checked_sub(1)?)).sum();
    total_s.is_finite().then_some(total_s * TIME_MARGIN + TIME_SPARE_S)
}

fn step_max_s(step: &Step, capacity_max_ah: f64, limits: &RunLimits) -> f64 {
    let given_s =
        step.until.iter().filter_map(|end| if let StepEnd::TimeS(seconds) = end { Some(*seconds) } else { None });
    let given_s = given_s.fold(f64::INFINITY, f64::min);
    let by_charge_s = |current_a: f64| 3_600.0 * capacity_max_ah / current_a.abs().max(CURRENT_MIN_A);
    let own_s = match step.mode {
        StepMode::Loop { .. } => 0.0,
        StepMode::Rest => f64::INFINITY,
        StepMode::Cc { current_a } => by_charge_s(current_a),
        StepMode::CcCv { current_a, .. } => by_charge_s(current_a) + HELD_VOLTAGE_S,
        StepMode::Cv { .. } => HELD_VOLTAGE_S,
        // The current is smallest at the highest voltage.
        StepMode::Cp { power_w } => by_charge_s(power_w / limits.voltage_max_v.abs().max(CURRENT_MIN_A)),
    };
    own_s.min(given_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::text;

    fn steps(text: &str) -> Steps {
        text::read(text).unwrap().resolve(5.0).unwrap()
    }

    fn of(chemistry: &str, profile: &str) -> RunLimits {
        let battery = BatteryFacts::usual("B", Technology::Lithium, chemistry, 1, 5.0);
        limits_for(&battery, &Limits::WIDE, &steps(profile))
    }

    #[test]
    fn a_profile_may_go_to_the_very_limits_of_battery_and_station() {
        let limits = of("NMC", "CC, 5, VOLTAGE, 4.2\nCV, 4.2, CURRENT, 0.25\nCC, -5, VOLTAGE, 2.5");
        assert_eq!((limits.voltage_min_v, limits.voltage_max_v), (2.5, 4.2));
        assert_eq!((limits.current_min_a, limits.current_max_a), (-10.0, 5.0));
        assert_eq!((limits.temperature_min_c, limits.temperature_max_c), (Some(0.0), Some(60.0)));
        assert_eq!((limits.capacity_max_ah, limits.temperature_rate_max_c_per_min), (Some(6.0), Some(10.0)));
        // 2 x 6 Ah / 5 A, and a day of held voltage.
        let expected_s = (2.0 * 4_320.0 + 86_400.0) * 1.1 + 600.0;
        assert!((limits.time_max_s.unwrap() - expected_s).abs() < 1e-6, "{limits:?}");
    }

    #[test]
    fn only_what_charges_must_stay_warm() {
        assert_eq!(of("NMC", "CC, -5, VOLTAGE, 2.5").temperature_min_c, Some(-20.0));
        assert_eq!(of("LFP", "CC, 1, TIME, 60").temperature_min_c, Some(0.0));
        assert_eq!(of("LTO", "CC, 1, TIME, 60").temperature_min_c, Some(-20.0));
        assert_eq!(of("other", "CC, -1, TIME, 60").temperature_max_c, Some(45.0));
    }

    #[test]
    fn fast_profiles_may_be_fast() {
        let (slow, fast) = (of("NMC", "CC, -5, TIME, 60"), of("NMC", "CC, -50, TIME, 60"));
        assert!((slow.voltage_rate_max_v_per_s.unwrap() - 0.1).abs() < 1e-12);
        assert!((fast.voltage_rate_max_v_per_s.unwrap() - 1.0).abs() < 1e-12);
        assert!((fast.temperature_rate_max_c_per_min.unwrap() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_profile_that_names_more_charge_gets_it() {
        let limits = of("NMC", "CC, 1, CAPACITY, 8");
        assert!((limits.capacity_max_ah.unwrap() - 8.4).abs() < 1e-9);
    }

    #[test]
    fn loops_take_as_long_as_they_are_executed() {
        let limits = of("NMC", "WAIT, 100\nLOOP, 1, 10");
        assert!((limits.time_max_s.unwrap() - (1_000.0 * 1.1 + 600.0)).abs() < 1e-6, "{limits:?}");
    }

    #[test]
    fn a_station_that_measures_no_temperature_keeps_the_other_limits() {
        let limits = of("NMC", "CC, 5, VOLTAGE, 4.2");
        let bare = without_temperature(limits);
        assert_eq!((bare.temperature_min_c, bare.temperature_max_c), (None, None));
        assert_eq!((bare.temperature_rate_max_c_per_min, bare.capacity_max_ah), (None, limits.capacity_max_ah));
    }
}
