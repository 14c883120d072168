//! Profiles: the steps a station executes, and how they read in words.

use serde::{Deserialize, Serialize};

/// What the station holds constant during a step. Charge is positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum StepMode {
    /// Output off.
    Rest,
    /// Constant current.
    Cc {
        /// Set point, A; positive charges.
        current_a: f64,
    },
    /// Constant voltage.
    Cv {
        /// Set point, V.
        voltage_v: f64,
    },
    /// Constant power.
    Cp {
        /// Set point, W; positive charges.
        power_w: f64,
    },
}

/// One condition that ends a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// After so many seconds.
    TimeS(f64),
    /// When the voltage passes this value, V.
    VoltageV(f64),
    /// When the magnitude of the current falls to this value, A.
    CurrentA(f64),
    /// When the charge moved in the step reaches this value, Ah.
    CapacityAh(f64),
}

/// One step: what is held, and the conditions of which the first one met ends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is held constant.
    #[serde(flatten)]
    pub mode: StepMode,
    /// Any of these ends the step; empty means for ever.
    pub until: Vec<StepEnd>,
}

/// The steps of a profile, executed `cycles` times over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// At least one.
    pub steps: Vec<Step>,
    /// How often the steps are executed, at least 1.
    pub cycles: u32,
}

impl Step {
    /// The step as a sentence: “Discharging at 5.00 A until 2.500 V”.
    #[must_use]
    pub fn words(&self) -> String {
        let deed = match self.mode {
            StepMode::Rest => "Resting".to_owned(),
            StepMode::Cc { current_a } if current_a > 0.0 => format!("Charging at {} A", significant(current_a)),
            StepMode::Cc { current_a } if current_a < 0.0 => format!("Discharging at {} A", significant(-current_a)),
            StepMode::Cc { .. } => "Holding 0 A".to_owned(),
            StepMode::Cv { voltage_v } => format!("Holding {voltage_v:.3} V"),
            StepMode::Cp { power_w } if power_w > 0.0 => format!("Charging at {} W", significant(power_w)),
            StepMode::Cp { power_w } => format!("Discharging at {} W", significant(-power_w)),
        };
        let ends: Vec<String> = self.until.iter().map(|end| end.words()).collect();
        if ends.is_empty() { deed } else { format!("{deed} {}", ends.join(" or ")) }
    }

    /// The step in two or three words for a narrow place: “CC −5.00 A”, “Rest”.
    #[must_use]
    pub fn short(&self) -> String {
        match self.mode {
            StepMode::Rest => "Rest".to_owned(),
            StepMode::Cc { current_a } => format!("CC {} A", signed(current_a)),
            StepMode::Cv { voltage_v } => format!("CV {voltage_v:.2} V"),
            StepMode::Cp { power_w } => format!("CP {} W", signed(power_w)),
        }
    }
}

impl StepEnd {
    fn words(self) -> String {
        match self {
            Self::TimeS(seconds) => format!("for {}", duration(seconds)),
            Self::VoltageV(volts) => format!("until {volts:.3} V"),
            Self::CurrentA(amps) => format!("until {} A", significant(amps)),
            Self::CapacityAh(ampere_hours) => format!("until {} Ah", significant(ampere_hours)),
        }
    }
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

fn signed(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", significant(value.abs()))
}

fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        format!("{seconds} s")
    } else if seconds < 3600.0 {
        format!("{} min", (seconds / 6.0).round() / 10.0)
    } else {
        format!("{} h", (seconds / 360.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
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
    fn steps_have_a_plain_json_form() {
        let step = Step { mode: StepMode::Cc { current_a: -5.0 }, until: vec![StepEnd::VoltageV(2.5)] };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(text, r#"{"mode":"cc","current_a":-5.0,"until":[{"voltage_v":2.5}]}"#);
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
    }
}
