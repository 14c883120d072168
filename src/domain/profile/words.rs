//! Steps as sentences: “Discharging at 5.00 A until 2.500 V”.

use super::program::{Deed, End, ProgramStep, Rate};
use super::steps::Step;

impl Step {
    /// The step as a sentence: “Discharging at 5.00 A until 2.500 V”.
    #[must_use]
    pub fn words(&self) -> String {
        ProgramStep::from(self).words()
    }

    /// The step in two or three words for a narrow place: “CC −5.00 A”, “Rest”.
    #[must_use]
    pub fn short(&self) -> String {
        ProgramStep::from(self).short()
    }
}

impl ProgramStep {
    /// The step as a sentence: “Discharging at 0.5 C until 2.500 V”.
    #[must_use]
    pub fn words(&self) -> String {
        let deed = match self.deed {
            Deed::Rest => "Resting".to_owned(),
            Deed::Cc { current } => flowing(current.number(), &rate(current), "Holding 0 A"),
            Deed::Cv { voltage_v } => format!("Holding {} V", volts(voltage_v)),
            Deed::Cp { power_w } => flowing(power_w, &format!("{} W", significant(power_w.abs())), "Holding 0 W"),
            Deed::CcCv { current, voltage_v } => {
                let flow = flowing(current.number(), &rate(current), "Holding 0 A");
                format!("{flow} to {} V, then holding it", volts(voltage_v))
            }
            Deed::Loop { to, times } => return format!("Repeating from step {to}, {times} times in all"),
        };
        let ends: Vec<String> = self.until.iter().map(|end| end.words()).collect();
        if ends.is_empty() { deed } else { format!("{deed} {}", ends.join(" or ")) }
    }

    /// The step in two or three words for a narrow place: “CC −5.00 A”, “Rest”.
    #[must_use]
    pub fn short(&self) -> String {
        match self.deed {
            Deed::Rest => "Rest".to_owned(),
            Deed::Cc { current } => format!("CC {}{}", sign(current.number()), rate(current)),
            Deed::Cv { voltage_v } => format!("CV {}{:.2} V", minus(voltage_v), voltage_v.abs()),
            Deed::Cp { power_w } => format!("CP {}{} W", sign(power_w), significant(power_w.abs())),
            Deed::CcCv { current, .. } => format!("CC-CV {}{}", sign(current.number()), rate(current)),
            Deed::Loop { to, times } => format!("To {to}, {times}×"),
        }
    }
}

impl End {
    /// The limit in words: “until 2.500 V”, “for 20 min”.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::TimeS(seconds) => format!("for {}", duration(seconds)),
            Self::VoltageV(voltage_v) => format!("until {} V", volts(voltage_v)),
            Self::CurrentA(amps) => format!("until {} A", significant(amps)),
            Self::RateC(rate) => format!("until {} C", plain(rate)),
            Self::PowerW(watts) => format!("until {} W", significant(watts)),
            Self::CapacityAh(ampere_hours) => format!("until {} Ah", significant(ampere_hours)),
        }
    }
}

fn flowing(direction: f64, amount: &str, none: &str) -> String {
    if direction > 0.0 {
        format!("Charging at {amount}")
    } else if direction < 0.0 {
        format!("Discharging at {amount}")
    } else {
        none.to_owned()
    }
}

/// The magnitude of a current with its unit.
fn rate(current: Rate) -> String {
    match current {
        Rate::A(amperes) => format!("{} A", significant(amperes.abs())),
        Rate::C(rate) => format!("{} C", plain(rate.abs())),
    }
}

fn volts(voltage_v: f64) -> String {
    format!("{}{:.3}", minus(voltage_v), voltage_v.abs())
}

fn minus(value: f64) -> &'static str {
    if value < 0.0 { "−" } else { "" }
}

fn sign(value: f64) -> &'static str {
    if value < 0.0 { "−" } else { "+" }
}

/// Four significant digits without zeros at the end: `0.5`, `0.3333`, `2`.
fn plain(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a C-rate has few digits")]
    let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 9);
    let rounded = format!("{value:.*}", decimals.unsigned_abs() as usize);
    if rounded.contains('.') { rounded.trim_end_matches('0').trim_end_matches('.').to_owned() } else { rounded }
}

/// Three significant digits and at least two decimals below 100.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 {
        format!("{value:.0}")
    } else if magnitude >= 1.0 || magnitude == 0.0 {
        format!("{value:.2}")
    } else if magnitude >= 0.01 {
        format!("{value:.3}")
    } else {
        format!("{value:.2e}")
    }
}

fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        format!("{seconds} s")
    } else if seconds < 3600.0 {
        format!("{} min", (seconds / 6.0).round() / 10.0)
    } else if seconds < 4.0 * 86_400.0 {
        format!("{} h", (seconds / 360.0).round() / 10.0)
    } else {
        format!("{} d", (seconds / 8_640.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::{StepEnd, StepMode};
    use super::*;

    #[test]
    fn steps_read_as_sentences() {
        let discharge = Step { mode: StepMode::Cc { current_a: -5.0 }, until: vec![StepEnd::VoltageV(2.5)] };
        assert_eq!(discharge.words(), "Discharging at 5.00 A until 2.500 V");
        assert_eq!(discharge.short(), "CC −5.00 A");
        let hold = Step {
            mode: StepMode::Cv { voltage_v: 4.2 },
            until: vec![StepEnd::CurrentA(0.05), StepEnd::TimeS(5400.0)],
        };
        assert_eq!(hold.words(), "Holding 4.200 V until 0.050 A or for 1.5 h");
        let rest = Step { mode: StepMode::Rest, until: vec![StepEnd::TimeS(1200.0)] };
        assert_eq!(rest.words(), "Resting for 20 min");
    }

    #[test]
    fn the_further_kinds_of_steps_read_as_sentences_too() {
        for (line, words, short) in [
            ("CC, -C/3, VOLTAGE, 2.5", "Discharging at 0.3333 C until 2.500 V", "CC −0.3333 C"),
            ("CP, -10, TIME, 60, VOLTAGE, -0.5", "Discharging at 10.00 W for 1 min or until −0.500 V", "CP −10.00 W"),
            (
                "CCCV, 0.5C, 4.2, CURRENT, 0.05C",
                "Charging at 0.5 C to 4.200 V, then holding it until 0.05 C",
                "CC-CV +0.5 C",
            ),
            ("CC, 0, TIME, 10", "Holding 0 A for 10 s", "CC +0.00 A"),
            ("WAIT, 864000", "Resting for 10 d", "Rest"),
        ] {
            let step = &super::super::text::read(line).unwrap().steps[0];
            assert_eq!((step.words().as_str(), step.short().as_str()), (words, short));
        }
        let again = Step { mode: StepMode::Loop { to: 2, times: 10 }, until: vec![] };
        assert_eq!(
            (again.words().as_str(), again.short().as_str()),
            ("Repeating from step 2, 10 times in all", "To 2, 10×")
        );
    }
}
