//! Steps as a station executes them: SI values, nothing left to look up.

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;

/// What the station does during a step. Charge is positive.
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
    /// Constant current until the voltage is reached, which is then held; the current never exceeds the set point.
    CcCv {
        /// Set point of the current, A; positive charges.
        current_a: f64,
        /// Voltage then held, V.
        voltage_v: f64,
    },
    /// Takes no time: goes back to an earlier step.
    Loop {
        /// Step that comes next, from 1; before this one.
        to: u32,
        /// How often the steps from there to here are executed in all, at least 1.
        times: u32,
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
    /// When the magnitude of the power passes this value, W: rises to it while a current charges, else falls to it.
    PowerW(f64),
    /// When the charge moved in the step reaches this value, Ah.
    CapacityAh(f64),
}

/// One step: what is done, and the conditions of which the first one met ends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    #[serde(flatten)]
    pub mode: StepMode,
    /// Any of these ends the step; empty means for ever, and for a loop nothing.
    #[serde(default)]
    pub until: Vec<StepEnd>,
}

/// The steps of a profile, executed `cycles` times over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// At least one.
    pub steps: Vec<Step>,
    /// How often the steps are executed, at least 1.
    #[serde(default = "once")]
    pub cycles: u32,
}

fn once() -> u32 {
    1
}

impl Steps {
    /// The steps in the order of their execution, loops and cycles unrolled: at most `steps_max` of them as (number from
    /// 1, cycle from 1), and whether these are all.
    #[must_use]
    pub fn expand(&self, steps_max: usize) -> (Vec<(u32, u32)>, bool) {
        let mut executed = Vec::new();
        let mut cursor = Cursor::start(self);
        while let Some(now) = &cursor {
            if executed.len() == steps_max {
                return (executed, false);
            }
            executed.push((now.step(), now.cycle()));
            cursor = now.clone().next(self);
        }
        (executed, true)
    }

    /// How many cycles a run counts: passes of the whole, or else passes of the loops that lie in no other loop.
    #[must_use]
    pub fn cycle_count(&self) -> u32 {
        if self.cycles > 1 {
            return self.cycles;
        }
        let jumps = self.steps.iter().enumerate().filter(|(index, _)| cursor_is_outermost(self, *index));
        let jumps = jumps.map(|(_, step)| match step.mode {
            StepMode::Loop { times, .. } => times.saturating_sub(1),
            _ => 0,
        });
        jumps.fold(1, u32::saturating_add)
    }
}

/// Whether the loop at an index lies in no other loop.
pub(super) fn cursor_is_outermost(steps: &Steps, index: usize) -> bool {
    let later = steps.steps.iter().enumerate().skip(index + 1);
    !later.into_iter().any(|(_, step)| matches!(step.mode, StepMode::Loop { to, .. } if to as usize <= index + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_a_plain_json_form() {
        let step = Step { mode: StepMode::Cc { current_a: -5.0 }, until: vec![StepEnd::VoltageV(2.5)] };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(text, r#"{"mode":"cc","current_a":-5.0,"until":[{"voltage_v":2.5}]}"#);
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
    }

    #[test]
    fn loops_and_cc_cv_have_a_json_form_too() {
        let text = r#"{"steps":[{"mode":"cc_cv","current_a":1.0,"voltage_v":4.2,"until":[{"power_w":0.2}]},
            {"mode":"loop","to":1,"times":3,"until":[]}],"cycles":2}"#;
        let steps: Steps = serde_json::from_str(text).unwrap();
        assert_eq!(steps.steps[0].mode, StepMode::CcCv { current_a: 1.0, voltage_v: 4.2 });
        assert_eq!(steps.steps[1], Step { mode: StepMode::Loop { to: 1, times: 3 }, until: vec![] });
        assert_eq!(serde_json::from_str::<Steps>(&serde_json::to_string(&steps).unwrap()).unwrap(), steps);
        let short: Steps = serde_json::from_str(r#"{"steps":[{"mode":"loop","to":1,"times":3}]}"#).unwrap();
        assert_eq!(short.cycles, 1);
    }
}
