//! Steps executed on a battery model: what a station does, without instruments and without a clock.

use serde::{Deserialize, Serialize};

use super::cell_model::cell::{Cell, CellParameters};
use crate::domain::profile::{Cursor, StepEnd, StepMode, Steps};

/// Shortest piece, s: a condition met already still lets time pass, so that no profile can spin.
const PIECE_S_MIN: f64 = 1e-3;
/// How far outside the battery's voltage window the channel trips, as a part of the window's width.
const TRIP_MARGIN: f64 = 0.1;
/// Temperature at which the channel trips, °C: the usual end of the discharge range of lithium cells.
const TRIP_TEMPERATURE_C: f64 = 60.0;

/// Bounds at which the channel switches off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Highest voltage, V.
    pub voltage_max_v: f64,
    /// Lowest voltage, V.
    pub voltage_min_v: f64,
    /// Highest temperature of the battery, °C.
    pub temperature_max_c: f64,
}

impl Limits {
    /// A little outside the battery's window.
    #[must_use]
    pub fn of(parameters: &CellParameters) -> Self {
        let margin_v = TRIP_MARGIN * (parameters.voltage_max_v - parameters.voltage_min_v);
        Self {
            voltage_max_v: parameters.voltage_max_v + margin_v,
            voltage_min_v: parameters.voltage_min_v - margin_v,
            temperature_max_c: TRIP_TEMPERATURE_C,
        }
    }

    /// Why the channel has to switch off, if it has to.
    fn breach(&self, voltage_v: f64, temperature_c: f64) -> Option<String> {
        if voltage_v > self.voltage_max_v {
            Some(format!("overvoltage: {voltage_v:.3} V"))
        } else if voltage_v < self.voltage_min_v {
            Some(format!("undervoltage: {voltage_v:.3} V"))
        } else if temperature_c > self.temperature_max_c {
            Some(format!("overtemperature: {temperature_c:.1} °C"))
        } else {
            None
        }
    }
}

/// Whether a run goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// It goes on.
    Running,
    /// The last step of the last cycle ended.
    Finished,
    /// The channel switched off, for the reason given.
    Fault(String),
}

/// A battery and the steps executed on it.
#[derive(Debug, Clone)]
pub struct Run {
    cell: Cell,
    steps: Steps,
    current_max_a: f64,
    limits: Limits,
    piece_s_max: f64,
    progress: Progress,
    cursor: Option<Cursor>,
    time_s: f64,
    step_time_s: f64,
    charge_ah: f64,
    energy_wh: f64,
    start_voltage_v: f64,
    current_a: f64,
}

impl Run {
    /// A run about to start, computed in pieces of at most `piece_s_max` seconds. `current_max_a` bounds the magnitude of
    /// the current where a voltage or a power is held. Without steps it is finished at once.
    #[must_use]
    pub fn new(cell: Cell, steps: Steps, current_max_a: f64, piece_s_max: f64) -> Self {
        let cursor = Cursor::start(&steps);
        let progress = if cursor.is_some() { Progress::Running } else { Progress::Finished };
        let start_voltage_v = cell.idle_voltage_v();
        Self {
            limits: Limits::of(cell.parameters()),
            cell,
            steps,
            current_max_a,
            piece_s_max,
            progress,
            cursor,
            time_s: 0.0,
            step_time_s: 0.0,
            charge_ah: 0.0,
            energy_wh: 0.0,
            start_voltage_v,
            current_a: 0.0,
        }
    }

    /// Switches off at these limits instead of those of the battery.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Warms the battery from outside to a temperature, °C, and loses the protection against it: as a fan that stopped and a sensor
    /// that nobody heeds.
    pub fn overheat(&mut self, to_c: f64) {
        self.limits.temperature_max_c = f64::INFINITY;
        self.cell.warm_to(to_c);
    }

    /// The battery.
    #[must_use]
    pub fn cell(&self) -> &Cell {
        &self.cell
    }

    /// Whether it goes on.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Step and cycle being executed, or executed last, both from 1.
    #[must_use]
    pub fn position(&self) -> (u32, u32) {
        self.cursor.as_ref().map_or((1, 1), |cursor| (cursor.step(), cursor.cycle()))
    }

    /// Seconds since the start.
    #[must_use]
    pub fn time_s(&self) -> f64 {
        self.time_s
    }

    /// Charge moved in the step, Ah.
    #[must_use]
    pub fn step_charge_ah(&self) -> f64 {
        self.charge_ah
    }

    /// Energy moved in the step, Wh.
    #[must_use]
    pub fn step_energy_wh(&self) -> f64 {
        self.energy_wh
    }

    /// Present current, A.
    #[must_use]
    pub fn current_a(&self) -> f64 {
        self.current_a
    }

    /// Present voltage, V.
    #[must_use]
    pub fn voltage_v(&self) -> f64 {
        self.cell.voltage_v(self.current_a)
    }

    /// Output off for `dt_s` seconds: the battery rests, the step and its counters stand still.
    pub fn hold(&mut self, dt_s: f64) {
        self.cell.advance(0.0, dt_s);
        self.time_s += dt_s;
        self.current_a = 0.0;
    }

    /// One piece of the present step, at most `dt_s_max` seconds; whether the step (or the run) ended with it.
    pub fn advance(&mut self, dt_s_max: f64) -> bool {
        if self.progress != Progress::Running {
            return true;
        }
        let step = self.cursor.as_ref().and_then(|cursor| self.steps.steps.get(cursor.index()));
        let Some((mode, until)) = step.map(|step| (step.mode, step.until.as_slice())) else { return true };
        let Some(current_a) = current_for(mode, &self.cell, self.current_max_a) else {
            self.progress = Progress::Fault("the battery cannot deliver the power set".to_owned());
            return true;
        };
        // A piece ends exactly where a time or charge is reached; the others are met to within a piece.
        let left_s = until.iter().filter_map(|end| match end {
            StepEnd::TimeS(seconds) => Some(seconds - self.step_time_s),
            StepEnd::CapacityAh(charge_ah) => Some((charge_ah - self.charge_ah.abs()) * 3600.0 / current_a.abs()),
            _ => None,
        });
        let left_s = left_s.map(|left_s| if left_s > 0.0 { left_s } else { PIECE_S_MIN });
        let dt_s = left_s.fold(dt_s_max.min(self.piece_s_max), f64::min);

        self.cell.advance(current_a, dt_s);
        self.current_a = current_for(mode, &self.cell, self.current_max_a).unwrap_or(current_a);
        let voltage_v = self.cell.voltage_v(self.current_a);
        self.time_s += dt_s;
        self.step_time_s += dt_s;
        self.charge_ah += current_a * dt_s / 3600.0;
        self.energy_wh += current_a * voltage_v * dt_s / 3600.0;

        if let Some(reason) = self.limits.breach(voltage_v, self.cell.temperature_c()) {
            self.progress = Progress::Fault(reason);
            return true;
        }
        until.iter().any(|end| self.is_met(*end, mode, voltage_v))
    }

    fn is_met(&self, end: StepEnd, mode: StepMode, voltage_v: f64) -> bool {
        let direction = match mode {
            StepMode::Cc { current_a } => current_a,
            StepMode::Cp { power_w } => power_w,
            _ => 0.0,
        };
        match end {
            StepEnd::TimeS(seconds) => self.step_time_s >= seconds - 1e-9,
            StepEnd::CurrentA(amperes) => self.current_a.abs() <= amperes,
            StepEnd::PowerW(watts) if direction > 0.0 => (self.current_a * voltage_v).abs() >= watts,
            StepEnd::PowerW(watts) => (self.current_a * voltage_v).abs() <= watts,
            StepEnd::CapacityAh(ampere_hours) => self.charge_ah.abs() >= ampere_hours - 1e-9,
            StepEnd::VoltageV(volts) if direction > 0.0 => voltage_v >= volts,
            StepEnd::VoltageV(volts) if direction < 0.0 => voltage_v <= volts,
            StepEnd::VoltageV(volts) => (self.start_voltage_v - volts) * (voltage_v - volts) <= 0.0,
        }
    }

    /// Goes on to the next step, or ends the run.
    pub fn begin_next_step(&mut self) {
        if self.progress != Progress::Running {
            return;
        }
        let Some(next) = self.cursor.clone().and_then(|cursor| cursor.next(&self.steps)) else {
            self.progress = Progress::Finished;
            return;
        };
        self.cursor = Some(next);
        self.step_time_s = 0.0;
        self.charge_ah = 0.0;
        self.energy_wh = 0.0;
        self.start_voltage_v = self.cell.voltage_v(self.current_a);
    }
}

/// The current a mode asks of the battery, A; `None` when it cannot give the power.
fn current_for(mode: StepMode, cell: &Cell, current_max_a: f64) -> Option<f64> {
    let bounded = |current_a: f64| current_a.clamp(-current_max_a, current_max_a);
    match mode {
        StepMode::Rest | StepMode::Loop { .. } => Some(0.0),
        StepMode::Cc { current_a } => Some(current_a),
        StepMode::Cv { voltage_v } => Some(bounded(cell.current_at_voltage_a(voltage_v))),
        StepMode::Cp { power_w } => cell.current_at_power_a(power_w).map(bounded),
        // Never more than the set point, and never back.
        StepMode::CcCv { current_a, voltage_v } => {
            Some(cell.current_at_voltage_a(voltage_v).clamp(current_a.min(0.0), current_a.max(0.0)))
        }
    }
}
