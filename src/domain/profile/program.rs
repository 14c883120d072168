//! A profile as people write it, and the rules it keeps.

use serde::{Deserialize, Serialize};

use super::steps::{Step, StepEnd, StepMode, Steps};

/// Most steps of a profile: far more than anybody writes by hand, few enough for a table.
pub const STEPS_MAX: usize = 500;
/// Most passes of a loop, and most cycles: a life test of a second per pass would take eleven days.
pub const TIMES_MAX: u32 = 1_000_000;
/// Most problems told at once: whoever sees these first sends the rest again.
pub const FAULTS_MAX: usize = 50;

/// A current as written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Rate {
    /// A; positive charges.
    #[serde(rename = "current_a")]
    A(f64),
    /// Multiple of the capacity per hour; positive charges.
    #[serde(rename = "rate_c")]
    C(f64),
}

impl Rate {
    /// The bare number, A or C.
    #[must_use]
    pub fn number(self) -> f64 {
        match self {
            Self::A(number) | Self::C(number) => number,
        }
    }

    fn amperes(self, capacity_ah: f64) -> f64 {
        match self {
            Self::A(amperes) => amperes,
            Self::C(rate) => rate * capacity_ah,
        }
    }
}

/// What a step does, as written. Charge is positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Deed {
    /// Output off.
    Rest,
    /// Constant current.
    Cc {
        /// Set point.
        #[serde(flatten)]
        current: Rate,
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
    /// Constant current until the voltage is reached, which is then held.
    CcCv {
        /// Set point of the current.
        #[serde(flatten)]
        current: Rate,
        /// Voltage then held, V.
        voltage_v: f64,
    },
    /// Goes back to an earlier step.
    Loop {
        /// Step that comes next, from 1; before this one.
        to: u32,
        /// How often the steps from there to here are executed in all.
        times: u32,
    },
}

/// One condition that ends a step, as written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// After so many seconds.
    TimeS(f64),
    /// When the voltage passes this value, V.
    VoltageV(f64),
    /// When the magnitude of the current falls to this value, A.
    CurrentA(f64),
    /// When the magnitude of the current falls to this multiple of the capacity per hour.
    RateC(f64),
    /// When the magnitude of the power passes this value, W.
    PowerW(f64),
    /// When the charge moved in the step reaches this value, Ah.
    CapacityAh(f64),
}

/// One step as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramStep {
    /// What it does.
    #[serde(flatten)]
    pub deed: Deed,
    /// Any of these ends it.
    #[serde(default)]
    pub until: Vec<End>,
}

/// A profile as written. Its JSON is that of [`Steps`], with `rate_c` where a current is a C-rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// At least one; the last of several never goes back to the first one: that is what `cycles` is for.
    pub steps: Vec<ProgramStep>,
    /// How often the steps are executed, at least 1.
    #[serde(default = "once")]
    pub cycles: u32,
}

fn once() -> u32 {
    1
}

/// Where in a step a problem lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// What the step does.
    Deed,
    /// Its first value, or its second one.
    Value(usize),
    /// What the limit of this index, from 0, looks at.
    Kind(usize),
    /// The value of the limit of this index, from 0.
    Amount(usize),
}

/// What is wrong with a step, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Index of the step, from 0.
    pub step: usize,
    /// Where in the step.
    pub spot: Spot,
    /// For people.
    pub message: String,
}

/// Why a program cannot become steps.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unresolved {
    /// A C-rate means nothing without a capacity.
    #[error("Step {step} gives a C-rate, and the battery has no capacity. Enter its capacity, or give amperes.")]
    NoCapacity {
        /// Step, from 1.
        step: usize,
    },
    /// The current is beyond anything that can be set.
    #[error("Step {step} comes to {current_a:.0} A on this battery, more than anything can set. Give a smaller rate.")]
    TooLarge {
        /// Step, from 1.
        step: usize,
        /// What it comes to, A.
        current_a: f64,
    },
}

impl Program {
    /// A program that keeps all rules. A last step that goes back to the first one becomes `cycles`.
    ///
    /// # Errors
    /// Every problem, at most [`FAULTS_MAX`].
    pub fn checked(steps: Vec<ProgramStep>, cycles: u32) -> Result<Self, Vec<Fault>> {
        let mut program = Self { steps, cycles };
        let mut faults = super::rules::faults(&program.steps, program.cycles);
        if !faults.is_empty() {
            faults.truncate(FAULTS_MAX);
            return Err(faults);
        }
        // A loop of one pass says nothing; then the one before it may be the last.
        while program.cycles == 1
            && let Some(ProgramStep { deed: Deed::Loop { to: 1, times }, .. }) = program.steps.last()
        {
            program.cycles = *times;
            program.steps.pop();
        }
        Ok(program)
    }

    /// The program of a text of JSON: ours, or the steps of earlier versions. Not checked: what is stored is shown as it
    /// is. Numbers of 16 digits and more may come back with another last bit.
    ///
    /// # Errors
    /// When it is no such JSON.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// Whether a current is a C-rate, so that it takes a capacity to execute it.
    #[must_use]
    pub fn has_rates(&self) -> bool {
        self.steps.iter().any(ProgramStep::has_rate)
    }

    /// The steps for a battery of this capacity, Ah.
    ///
    /// # Errors
    /// When there is a C-rate and no capacity, or the current comes out of all bounds.
    pub fn resolve(&self, capacity_ah: f64) -> Result<Steps, Unresolved> {
        let mut steps = Vec::with_capacity(self.steps.len());
        for (number, step) in (1..).zip(&self.steps) {
            if step.has_rate() && !(capacity_ah.is_finite() && capacity_ah > 0.0) {
                return Err(Unresolved::NoCapacity { step: number });
            }
            if let Deed::Cc { current } | Deed::CcCv { current, .. } = step.deed {
                let current_a = current.amperes(capacity_ah);
                if current_a.is_nan() || current_a.abs() > super::value::CURRENT_MAX_A {
                    return Err(Unresolved::TooLarge { step: number, current_a });
                }
            }
            steps.push(step.resolve(capacity_ah));
        }
        Ok(Steps { steps, cycles: self.cycles })
    }
}

impl ProgramStep {
    fn has_rate(&self) -> bool {
        matches!(self.deed, Deed::Cc { current: Rate::C(_) } | Deed::CcCv { current: Rate::C(_), .. })
            || self.until.iter().any(|end| matches!(end, End::RateC(_)))
    }

    fn resolve(&self, capacity_ah: f64) -> Step {
        let mode = match self.deed {
            Deed::Rest => StepMode::Rest,
            Deed::Cc { current } => StepMode::Cc { current_a: current.amperes(capacity_ah) },
            Deed::Cv { voltage_v } => StepMode::Cv { voltage_v },
            Deed::Cp { power_w } => StepMode::Cp { power_w },
            Deed::CcCv { current, voltage_v } => StepMode::CcCv { current_a: current.amperes(capacity_ah), voltage_v },
            Deed::Loop { to, times } => StepMode::Loop { to, times },
        };
        let end = |end: &End| match *end {
            End::TimeS(seconds) => StepEnd::TimeS(seconds),
            End::VoltageV(volts) => StepEnd::VoltageV(volts),
            End::CurrentA(amperes) => StepEnd::CurrentA(amperes),
            End::RateC(rate) => StepEnd::CurrentA(rate * capacity_ah),
            End::PowerW(watts) => StepEnd::PowerW(watts),
            End::CapacityAh(ampere_hours) => StepEnd::CapacityAh(ampere_hours),
        };
        Step { mode, until: self.until.iter().map(end).collect() }
    }
}

impl From<&Step> for ProgramStep {
    fn from(step: &Step) -> Self {
        let deed = match step.mode {
            StepMode::Rest => Deed::Rest,
            StepMode::Cc { current_a } => Deed::Cc { current: Rate::A(current_a) },
            StepMode::Cv { voltage_v } => Deed::Cv { voltage_v },
            StepMode::Cp { power_w } => Deed::Cp { power_w },
            StepMode::CcCv { current_a, voltage_v } => Deed::CcCv { current: Rate::A(current_a), voltage_v },
            StepMode::Loop { to, times } => Deed::Loop { to, times },
        };
        let end = |end: &StepEnd| match *end {
            StepEnd::TimeS(seconds) => End::TimeS(seconds),
            StepEnd::VoltageV(volts) => End::VoltageV(volts),
            StepEnd::CurrentA(amperes) => End::CurrentA(amperes),
            StepEnd::PowerW(watts) => End::PowerW(watts),
            StepEnd::CapacityAh(ampere_hours) => End::CapacityAh(ampere_hours),
        };
        Self { deed, until: step.until.iter().map(end).collect() }
    }
}

impl From<&Steps> for Program {
    fn from(steps: &Steps) -> Self {
        Self { steps: steps.steps.iter().map(ProgramStep::from).collect(), cycles: steps.cycles }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cc(current: Rate) -> ProgramStep {
        ProgramStep { deed: Deed::Cc { current }, until: vec![End::VoltageV(4.2)] }
    }

    #[test]
    fn rates_become_amperes_with_the_capacity() {
        let hold = ProgramStep { deed: Deed::Cv { voltage_v: 4.2 }, until: vec![End::RateC(0.05), End::TimeS(60.0)] };
        let program = Program::checked(vec![cc(Rate::C(0.5)), hold], 1).unwrap();
        let steps = program.resolve(3.0).unwrap();
        assert_eq!(steps.steps[0].mode, StepMode::Cc { current_a: 1.5 });
        assert!(matches!(steps.steps[1].until[0], StepEnd::CurrentA(amperes) if (amperes - 0.15).abs() < 1e-12));
        assert_eq!(program.resolve(0.0), Err(Unresolved::NoCapacity { step: 1 }));
        assert!(program.resolve(f64::NAN).is_err());
        assert!(matches!(program.resolve(1e9), Err(Unresolved::TooLarge { step: 1, .. })));
        // Without rates, nobody needs to know the capacity.
        assert!(Program::checked(vec![cc(Rate::A(1.0))], 1).unwrap().resolve(0.0).is_ok());
    }

    #[test]
    fn the_json_of_steps_is_read_and_rates_are_added_to_it() {
        let old = r#"{"steps":[{"mode":"cc","current_a":-5.0,"until":[{"voltage_v":2.5}]}],"cycles":7}"#;
        let program = Program::from_json(old).unwrap();
        assert_eq!(serde_json::to_string(&program).unwrap(), old);
        let json = r#"{"steps":[{"mode":"cc_cv","rate_c":0.5,"voltage_v":4.2,"until":[{"rate_c":0.05}]}],"cycles":1}"#;
        let program = Program::from_json(json).unwrap();
        assert_eq!(program.steps[0].deed, Deed::CcCv { current: Rate::C(0.5), voltage_v: 4.2 });
        assert_eq!(serde_json::to_string(&program).unwrap(), json);
        assert!(serde_json::from_str::<Steps>(json).is_err(), "a station would not know what a C-rate is");
    }

    #[test]
    fn a_last_step_back_to_the_first_one_means_cycles() {
        let back = ProgramStep { deed: Deed::Loop { to: 1, times: 9 }, until: vec![] };
        let program = Program::checked(vec![cc(Rate::A(1.0)), back], 1).unwrap();
        assert_eq!((program.steps.len(), program.cycles), (1, 9));
        let back = |times| ProgramStep { deed: Deed::Loop { to: 1, times }, until: vec![] };
        let program = Program::checked(vec![cc(Rate::A(1.0)), back(9), back(1)], 1).unwrap();
        assert_eq!((program.steps.len(), program.cycles), (1, 9));
    }

    #[test]
    fn steps_and_programs_say_the_same() {
        let program = Program::checked(vec![cc(Rate::A(1.0))], 3).unwrap();
        assert_eq!(Program::from(&program.resolve(1.0).unwrap()), program);
    }
}
