//! What makes sense in a program, wherever it came from.

use super::program::{Deed, End, FAULTS_MAX, Fault, ProgramStep, Rate, STEPS_MAX, Spot, TIMES_MAX};
use super::value::{CAPACITY_MAX_AH, CURRENT_MAX_A, POWER_MAX_W, RATE_MAX_C, TIME_MAX_S, VOLTAGE_MAX_V};

/// Every problem of a program, in the order of its steps.
pub(super) fn faults(steps: &[ProgramStep], cycles: u32) -> Vec<Fault> {
    let mut faults = Vec::new();
    if steps.is_empty() {
        let message = "There is no step. Begin with one like “CC, 1, VOLTAGE, 4.2” or “WAIT, 60”.".to_owned();
        return vec![Fault { step: 0, spot: Spot::Deed, message }];
    }
    if steps.len() > STEPS_MAX {
        let message = format!("A profile has at most {STEPS_MAX} steps. Use a loop, or make two profiles.");
        return vec![Fault { step: STEPS_MAX, spot: Spot::Deed, message }];
    }
    if !(1..=TIMES_MAX).contains(&cycles) {
        let message = format!("The steps can be executed 1 to {TIMES_MAX} times, not {cycles} times.");
        faults.push(Fault { step: steps.len() - 1, spot: Spot::Deed, message });
    }
    for (index, step) in steps.iter().enumerate() {
        let mut found = Vec::new();
        deed(step, &mut found);
        ends(step, &mut found);
        if let Deed::Loop { to, times } = step.deed {
            going_back(steps, index, to, times, &mut found);
        }
        faults.extend(found.into_iter().map(|(spot, message)| Fault { step: index, spot, message }));
        if faults.len() >= FAULTS_MAX {
            break;
        }
    }
    faults
}

fn deed(step: &ProgramStep, found: &mut Vec<(Spot, String)>) {
    let mut number = |spot: Spot, value: f64, most: f64, what: &str| {
        if value.is_nan() || value.abs() > most {
            found.push((spot, format!("{value} is not {what}. Stay within {most}.")));
        }
    };
    let rate = |current: Rate| match current {
        Rate::A(amperes) => (amperes, CURRENT_MAX_A, "a current in amperes"),
        Rate::C(rate) => (rate, RATE_MAX_C, "a C-rate"),
    };
    match step.deed {
        Deed::Rest | Deed::Loop { .. } => {}
        Deed::Cc { current } => {
            let (value, most, what) = rate(current);
            number(Spot::Value(0), value, most, what);
        }
        Deed::Cv { voltage_v } => number(Spot::Value(0), voltage_v, VOLTAGE_MAX_V, "a voltage in volts"),
        Deed::Cp { power_w } => number(Spot::Value(0), power_w, POWER_MAX_W, "a power in watts"),
        Deed::CcCv { current, voltage_v } => {
            let (value, most, what) = rate(current);
            number(Spot::Value(0), value, most, what);
            number(Spot::Value(1), voltage_v, VOLTAGE_MAX_V, "a voltage in volts");
            if value == 0.0 {
                let message = "With 0 A the voltage is never reached. Give a current, or hold the voltage with CV.";
                found.push((Spot::Value(0), message.to_owned()));
            }
        }
    }
}

fn ends(step: &ProgramStep, found: &mut Vec<(Spot, String)>) {
    let is_loop = matches!(step.deed, Deed::Loop { .. });
    if step.until.is_empty() && !is_loop {
        let message = match step.deed {
            Deed::Rest => "WAIT needs its time: write “WAIT, 60” for 60 s.",
            Deed::Cv { .. } | Deed::CcCv { .. } => {
                "Nothing ends this step. Add a limit like “CURRENT, 0.05” or “TIME, 60”."
            }
            _ => "Nothing ends this step. Add a limit like “VOLTAGE, 4.2” or “TIME, 60”.",
        };
        found.push((Spot::Deed, message.to_owned()));
    }
    for (index, end) in step.until.iter().enumerate() {
        if let Some(why) = unfit(step.deed, *end) {
            found.push((Spot::Kind(index), why));
        } else if step.until[..index].iter().any(|earlier| kind(*earlier) == kind(*end)) {
            let message = format!("{} is given twice in this step. Keep the one that counts.", kind(*end));
            found.push((Spot::Kind(index), message));
        } else if let Some(why) = senseless(*end) {
            found.push((Spot::Amount(index), why));
        }
    }
}

/// The word of a limit in the text form.
pub(super) fn kind(end: End) -> &'static str {
    match end {
        End::TimeS(_) => "TIME",
        End::VoltageV(_) => "VOLTAGE",
        End::CurrentA(_) | End::RateC(_) => "CURRENT",
        End::PowerW(_) => "POWER",
        End::CapacityAh(_) => "CAPACITY",
    }
}

/// Why a limit cannot end a step of this kind.
fn unfit(deed: Deed, end: End) -> Option<String> {
    let is_still = matches!(deed, Deed::Rest)
        || matches!(deed, Deed::Cc { current } if current.number() == 0.0)
        || matches!(deed, Deed::Cp { power_w: 0.0 });
    let why = match (deed, end) {
        (Deed::Loop { .. }, _) => "A loop has no limit of its own. End its steps instead.",
        (Deed::Cv { .. } | Deed::CcCv { .. }, End::VoltageV(_)) => {
            "The voltage is held here, so it cannot end the step. Use CURRENT, TIME, CAPACITY or POWER."
        }
        (_, End::TimeS(_) | End::VoltageV(_)) => return None,
        (_, _) if is_still => "No current flows in this step. Use TIME or VOLTAGE.",
        (Deed::Cc { .. }, End::CurrentA(_) | End::RateC(_)) => {
            "The current is held here, so it cannot end the step. Use VOLTAGE, TIME, CAPACITY or POWER."
        }
        (Deed::Cp { .. }, End::PowerW(_)) => {
            "The power is held here, so it cannot end the step. Use VOLTAGE, TIME, CAPACITY or CURRENT."
        }
        _ => return None,
    };
    Some(why.to_owned())
}

/// Whether a limit can end a step of this kind.
#[cfg(test)]
pub(super) fn allowed(deed: Deed, end: End) -> bool {
    unfit(deed, end).is_none()
}

/// Why the value of a limit makes no sense.
fn senseless(end: End) -> Option<String> {
    let positive = |value: f64, most: f64, zero: &str| {
        if value <= 0.0 || value.is_nan() {
            Some(zero.to_owned())
        } else if value > most {
            Some(format!("{value} is beyond any instrument. Stay within {most}."))
        } else {
            None
        }
    };
    match end {
        End::TimeS(seconds) => positive(seconds, TIME_MAX_S, "A time is longer than 0 s. Write seconds like 60."),
        End::VoltageV(volts) if volts.abs() <= VOLTAGE_MAX_V => None,
        End::VoltageV(volts) => Some(format!("{volts} is not a voltage. Stay within {VOLTAGE_MAX_V} V.")),
        End::CurrentA(amperes) => {
            positive(amperes, CURRENT_MAX_A, "A current that falls never quite reaches 0 A. Write one like 0.05.")
        }
        End::RateC(rate) => {
            positive(rate, RATE_MAX_C, "A current that falls never quite reaches 0 C. Write one like 0.05C.")
        }
        End::PowerW(watts) => positive(watts, POWER_MAX_W, "A power never quite reaches 0 W. Write one like 0.1."),
        End::CapacityAh(ampere_hours) => {
            positive(ampere_hours, CAPACITY_MAX_AH, "A charge is more than 0 Ah. Write ampere-hours like 2.5.")
        }
    }
}

/// Whether a loop leads back, over whole loops only.
fn going_back(steps: &[ProgramStep], index: usize, to: u32, times: u32, found: &mut Vec<(Spot, String)>) {
    if !(1..=TIMES_MAX).contains(&times) {
        found.push((Spot::Value(1), format!("A loop runs 1 to {TIMES_MAX} times in all, not {times} times.")));
    }
    let Some(goal) = (to as usize).checked_sub(1).filter(|goal| *goal < index) else {
        let remedy = match index {
            0 => "The first step cannot be a loop: there is nothing to repeat before it.".to_owned(),
            _ => format!("Step {} can only go back: name a step from 1 to {index}, not {to}.", index + 1),
        };
        found.push((if index == 0 { Spot::Deed } else { Spot::Value(0) }, remedy));
        return;
    };
    let crossed = (goal..index).find(|inner| match steps[*inner].deed {
        Deed::Loop { to: inner_to, .. } => (inner_to as usize) < goal + 1,
        _ => false,
    });
    if let Some(inner) = crossed {
        let message = format!(
            "This loop would begin inside the loop that ends with step {}. Go back to step {} or earlier, or to a step \
             after {}.",
            inner + 1,
            match steps[inner].deed {
                Deed::Loop { to, .. } => to,
                _ => 1,
            },
            inner + 1
        );
        found.push((Spot::Value(0), message));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Program;
    use super::*;

    fn rest() -> ProgramStep {
        ProgramStep { deed: Deed::Rest, until: vec![End::TimeS(1.0)] }
    }

    fn back(to: u32, times: u32) -> ProgramStep {
        ProgramStep { deed: Deed::Loop { to, times }, until: vec![] }
    }

    fn spots(steps: Vec<ProgramStep>) -> Vec<(usize, Spot)> {
        let faults = Program::checked(steps, 1).err().unwrap_or_default();
        faults.into_iter().map(|fault| (fault.step, fault.spot)).collect()
    }

    #[test]
    fn loops_go_back_and_do_not_cross() {
        assert_eq!(spots(vec![rest(), back(1, 2), rest(), back(3, 2), back(1, 5)]), []);
        assert_eq!(spots(vec![rest(), rest(), back(2, 2), back(1, 5)]), []);
        assert_eq!(spots(vec![back(1, 2)]), [(0, Spot::Deed)]);
        assert_eq!(spots(vec![rest(), back(2, 2)]), [(1, Spot::Value(0))]);
        assert_eq!(spots(vec![rest(), back(0, 2)]), [(1, Spot::Value(0))]);
        assert_eq!(spots(vec![rest(), rest(), back(1, 2), rest(), back(2, 2)]), [(4, Spot::Value(0))]);
        // To the loop itself: its body would not be whole.
        assert_eq!(spots(vec![rest(), back(1, 2), rest(), back(2, 2)]), [(3, Spot::Value(0))]);
        assert_eq!(spots(vec![rest(), back(1, 0)]), [(1, Spot::Value(1))]);
    }

    #[test]
    fn numbers_that_came_as_json_are_checked_too() {
        let cc = |current| ProgramStep { deed: Deed::Cc { current }, until: vec![End::TimeS(1.0)] };
        assert_eq!(
            spots(vec![cc(Rate::A(f64::NAN)), cc(Rate::C(f64::INFINITY))]),
            [(0, Spot::Value(0)), (1, Spot::Value(0))]
        );
        let ends = [End::TimeS(-1.0), End::TimeS(f64::NAN), End::VoltageV(f64::NAN), End::CapacityAh(0.0)];
        for end in ends {
            assert_eq!(spots(vec![ProgramStep { until: vec![end], ..cc(Rate::A(1.0)) }]), [(0, Spot::Amount(0))]);
        }
    }

    #[test]
    fn problems_are_told_together_but_not_without_end() {
        let never = ProgramStep { deed: Deed::Rest, until: vec![] };
        assert_eq!(spots(vec![never.clone(); 400]).len(), FAULTS_MAX);
        assert_eq!(spots(vec![never; 501]), [(500, Spot::Deed)]);
        assert_eq!(spots(vec![]), [(0, Spot::Deed)]);
    }
}
