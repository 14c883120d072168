//! Experiment strings written.

use crate::domain::profile::converted::Converted;
use crate::domain::profile::program::{Deed, End, Program, ProgramStep, Rate};
use crate::domain::profile::value::rate_text;

/// Writes a Python list of strings, and says what of the program it cannot hold.
#[must_use]
pub fn write(program: &Program) -> Converted<String> {
    let mut notes = Vec::new();
    let mut lines: Vec<(usize, Vec<String>)> = Vec::new();
    for (number, step) in (1..).zip(&program.steps) {
        match strings(step, number, &mut notes) {
            Ok(strings) => lines.push((number, strings)),
            Err(why) => {
                notes.push(format!("Step {number} is left out: {why}"));
                lines.push((number, vec![]));
            }
        }
    }
    let mut text: String = notes.iter().map(|note| format!("# {note}\n")).collect();
    text.push_str("[\n");
    let mut depth = 1;
    for ((number, strings), step) in lines.iter().zip(&program.steps) {
        for opening in program.steps.iter().rev() {
            if matches!(opening.deed, Deed::Loop { to, .. } if to as usize == *number) {
                text.push_str(&format!("{:1$}*[\n", "", 4 * depth));
                depth += 1;
            }
        }
        for string in strings {
            text.push_str(&format!("{:1$}\"{string}\",\n", "", 4 * depth));
        }
        if let Deed::Loop { times, .. } = step.deed {
            depth -= 1;
            text.push_str(&format!("{:1$}] * {times},\n", "", 4 * depth));
        }
    }
    text.push(']');
    if program.cycles > 1 {
        text.push_str(&format!(" * {}", program.cycles));
    }
    text.push('\n');
    Converted { result: text, notes }
}

fn strings(step: &ProgramStep, number: usize, notes: &mut Vec<String>) -> Result<Vec<String>, String> {
    let mut time = None;
    let mut terms = Vec::new();
    for end in &step.until {
        match *end {
            End::TimeS(seconds) => time = Some(format!(" for {seconds} seconds")),
            End::VoltageV(volts) => terms.push(format!("{volts} V")),
            End::CurrentA(amperes) => terms.push(format!("{amperes} A")),
            End::RateC(rate) => terms.push(rate_text(rate)),
            End::PowerW(_) | End::CapacityAh(_) => {
                notes.push(format!("Step {number} loses “{}”: PyBaMM has no such limit.", end.words()));
            }
        }
    }
    if matches!(step.deed, Deed::Loop { .. }) {
        return Ok(vec![]);
    }
    if time.is_none() && terms.is_empty() {
        return Err("PyBaMM has no such limit.".to_owned());
    }
    let ends = |time: &Option<String>, terms: &[String]| {
        let mut words = time.clone().unwrap_or_default();
        for (index, term) in terms.iter().enumerate() {
            words.push_str(if words.is_empty() && index == 0 { " until " } else { " or until " });
            words.push_str(term);
        }
        words
    };
    let flow =
        |number: f64, amount: String| format!("{} at {amount}", if number < 0.0 { "Discharge" } else { "Charge" });
    let rate = |current: Rate| match current {
        Rate::A(amperes) => flow(amperes, format!("{} A", amperes.abs())),
        Rate::C(rate) => flow(rate, rate_text(rate.abs())),
    };
    let all = ends(&time, &terms);
    Ok(match step.deed {
        Deed::Cc { current } if current.number() == 0.0 => vec![format!("Rest{all}")],
        Deed::Rest | Deed::Loop { .. } => vec![format!("Rest{all}")],
        Deed::Cc { current } => vec![format!("{}{all}", rate(current))],
        Deed::Cv { voltage_v } => vec![format!("Hold at {voltage_v} V{all}")],
        Deed::Cp { power_w } => vec![format!("{}{all}", flow(power_w, format!("{} W", power_w.abs())))],
        Deed::CcCv { current, voltage_v } => {
            if time.is_some() {
                notes.push(format!("The time of step {number} limits each of its two parts there, not both together."));
            }
            let first = ends(&time, &[format!("{voltage_v} V")]);
            vec![format!("{}{first}", rate(current)), format!("Hold at {voltage_v} V{all}")]
        }
    })
}
