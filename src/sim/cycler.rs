//! A cycler channel: executes the steps of a profile on a simulated battery.

use super::instrument::{Instrument, round};
use crate::analysis::cell_model::cell::Cell;
pub use crate::analysis::run::Progress;
use crate::analysis::run::{Limits, Run};
use crate::domain::profile::Steps;
use crate::domain::run::RunLimits;

/// How far beyond a limit of the voltage the channel measures before it trips, as a part of the window's width: what a piece can
/// overshoot the end of a step by, and the noise.
const TRIP_MARGIN: f64 = 0.02;
/// Highest temperature where a run gives none, °C.
const TEMPERATURE_MAX_C: f64 = 60.0;
/// Longest piece of a step computed with one current, s: a twentieth of the fastest time constant of the presets.
const PIECE_S_MAX: f64 = 1.0;

/// One logged row of a channel. Charge is positive; `capacity_ah` and `energy_wh` count from the start of the step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Seconds of the battery's own time since the start of the run.
    pub test_time_s: f64,
    /// Step, from 1.
    pub step: u32,
    /// Cycle, from 1.
    pub cycle: u32,
    /// Terminal voltage, V.
    pub voltage_v: f64,
    /// Current, A.
    pub current_a: f64,
    /// Power, W.
    pub power_w: f64,
    /// Charge moved in the step, Ah.
    pub capacity_ah: f64,
    /// Energy moved in the step, Wh.
    pub energy_wh: f64,
    /// Temperature of the battery, °C, where it is measured.
    pub temperature_c: Option<f64>,
    /// Temperature of the air, °C, where it is measured.
    pub ambient_c: Option<f64>,
}

/// A channel with a battery and a profile.
#[derive(Debug, Clone)]
pub struct Cycler {
    run: Run,
    instrument: Instrument,
    limits: Option<RunLimits>,
    /// Why it was switched off by limits that the run itself does not know.
    tripped: Option<Progress>,
}

impl Cycler {
    /// A channel about to start. `current_max_a` bounds the magnitude of the current in constant-voltage and
    /// constant-power steps. A profile without steps is finished at once.
    #[must_use]
    pub fn new(cell: Cell, steps: Steps, current_max_a: f64, seed: u64) -> Self {
        Self {
            run: Run::new(cell, steps, current_max_a, PIECE_S_MAX),
            instrument: Instrument::new(seed),
            limits: None,
            tripped: None,
        }
    }

    /// Switches off at these limits instead of those of the battery.
    #[must_use]
    pub fn within(self, limits: RunLimits) -> Self {
        let margin_v = TRIP_MARGIN * (limits.voltage_max_v - limits.voltage_min_v).abs();
        let of_run = Limits {
            voltage_max_v: limits.voltage_max_v + margin_v,
            voltage_min_v: limits.voltage_min_v - margin_v,
            temperature_max_c: limits.temperature_max_c.unwrap_or(TEMPERATURE_MAX_C),
        };
        Self { run: self.run.with_limits(of_run), limits: Some(limits), ..self }
    }

    /// Why the limits of the run end it now, beyond those of voltage and highest temperature.
    fn breach(&self) -> Option<String> {
        let limits = self.limits.as_ref()?;
        let temperature_c = self.cell().temperature_c();
        if limits.time_max_s.is_some_and(|time_max_s| self.test_time_s() > time_max_s) {
            Some(format!("longer than {:.0} s", limits.time_max_s.unwrap_or_default()))
        } else if limits.capacity_max_ah.is_some_and(|charge_ah| self.run.step_charge_ah().abs() > charge_ah) {
            Some(format!("more charge than {:.3} Ah", limits.capacity_max_ah.unwrap_or_default()))
        } else if limits.temperature_min_c.is_some_and(|lowest_c| temperature_c < lowest_c) {
            Some(format!("undertemperature: {temperature_c:.1} °C"))
        } else {
            None
        }
    }

    /// Warms the battery from outside to a temperature, °C; the channel's own protection against it is lost.
    pub fn overheat(&mut self, to_c: f64) {
        self.run.overheat(to_c);
    }

    /// The battery on the channel.
    #[must_use]
    pub fn cell(&self) -> &Cell {
        self.run.cell()
    }

    /// Whether the run goes on.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        self.tripped.as_ref().unwrap_or(self.run.progress())
    }

    /// Step and cycle being executed, both from 1.
    #[must_use]
    pub fn position(&self) -> (u32, u32) {
        self.run.position()
    }

    /// Seconds of the battery's own time since the start of the run.
    #[must_use]
    pub fn test_time_s(&self) -> f64 {
        self.run.time_s()
    }

    /// Lets `dt_s` seconds of the battery's time pass; logs a row at the end, and one at the end of every step met.
    pub fn advance(&mut self, dt_s: f64, rows: &mut Vec<Row>) {
        let end_s = self.test_time_s() + dt_s;
        let mut logged_s = f64::NEG_INFINITY;
        while *self.progress() == Progress::Running && end_s - self.test_time_s() > 1e-9 {
            if self.run.advance(end_s - self.test_time_s()) {
                rows.push(self.log());
                logged_s = self.test_time_s();
                self.run.begin_next_step();
            }
        }
        if *self.progress() == Progress::Running && logged_s < self.test_time_s() {
            rows.push(self.log());
        }
        if *self.progress() == Progress::Running {
            self.tripped = self.breach().map(Progress::Fault);
        }
    }

    /// Output off for `dt_s` seconds: the battery rests, the step and its counters stand still.
    pub fn hold(&mut self, dt_s: f64) {
        self.run.hold(dt_s);
    }

    fn log(&mut self) -> Row {
        let (step, cycle) = self.position();
        let voltage_v = self.instrument.voltage_v(self.run.voltage_v());
        let current_a = self.instrument.current_a(self.run.current_a());
        Row {
            test_time_s: round(self.test_time_s(), 3),
            step,
            cycle,
            voltage_v,
            current_a,
            power_w: round(voltage_v * current_a, 4),
            capacity_ah: round(self.run.step_charge_ah(), 5),
            energy_wh: round(self.run.step_energy_wh(), 5),
            temperature_c: Some(self.instrument.temperature_c(self.cell().temperature_c())),
            ambient_c: Some(self.instrument.temperature_c(self.cell().ambient_c())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cell_model::cell::CellParameters;
    use crate::analysis::cell_model::preset::Preset;
    use crate::domain::profile::{Step, StepEnd, StepMode};

    fn step(mode: StepMode, until: &[StepEnd]) -> Step {
        Step { mode, until: until.to_vec() }
    }

    fn run(soc: f64, steps: Vec<Step>, cycles: u32, hours: f64) -> (Cycler, Vec<Row>) {
        let cell = Cell::new(Preset::Nmc21700.parameters(), soc, 25.0);
        let mut cycler = Cycler::new(cell, Steps { steps, cycles }, 10.0, 1);
        let mut rows = Vec::new();
        while *cycler.progress() == Progress::Running && cycler.test_time_s() < hours * 3600.0 {
            cycler.advance(10.0, &mut rows);
        }
        (cycler, rows)
    }

    #[test]
    fn a_full_cell_gives_its_capacity_at_a_twentieth_of_it() {
        let discharge = step(StepMode::Cc { current_a: -0.25 }, &[StepEnd::VoltageV(2.5)]);
        let (cycler, rows) = run(1.0, vec![discharge], 1, 30.0);
        assert_eq!(*cycler.progress(), Progress::Finished);
        let last = rows.last().unwrap();
        assert!((-5.0..-4.9).contains(&last.capacity_ah), "{}", last.capacity_ah);
        // A mean of 3.7 V over 5 Ah.
        assert!((-19.0..-17.5).contains(&last.energy_wh), "{}", last.energy_wh);
        assert!((last.voltage_v - 2.5).abs() < 0.01, "{}", last.voltage_v);
    }

    #[test]
    fn constant_current_then_constant_voltage_tapers_to_the_end_current() {
        let charge = step(StepMode::Cc { current_a: 2.5 }, &[StepEnd::VoltageV(4.2)]);
        let hold = step(StepMode::Cv { voltage_v: 4.2 }, &[StepEnd::CurrentA(0.25), StepEnd::TimeS(36_000.0)]);
        let (cycler, rows) = run(0.2, vec![charge, hold], 1, 12.0);
        assert_eq!(*cycler.progress(), Progress::Finished);
        let held: Vec<&Row> = rows.iter().filter(|row| row.step == 2).collect();
        assert!(held.len() > 50);
        assert!(held.iter().all(|row| (row.voltage_v - 4.2).abs() < 1e-3));
        assert!(held.windows(2).all(|pair| pair[1].current_a < pair[0].current_a + 2e-3));
        assert!((held.last().unwrap().current_a - 0.25).abs() < 2e-3);
        assert!((0.98..1.01).contains(&cycler.cell().soc()), "{}", cycler.cell().soc());
    }

    #[test]
    fn constant_power_draws_more_current_as_the_voltage_falls() {
        let (_, rows) = run(0.9, vec![step(StepMode::Cp { power_w: -10.0 }, &[StepEnd::VoltageV(2.8)])], 1, 5.0);
        assert!(rows.iter().all(|row| (row.power_w + 10.0).abs() < 5e-3));
        assert!(rows.last().unwrap().current_a < rows[0].current_a - 0.5);
    }

    #[test]
    fn the_first_condition_met_ends_a_step_and_its_counters_start_again() {
        let by_charge = step(StepMode::Cc { current_a: -5.0 }, &[StepEnd::CapacityAh(0.5), StepEnd::TimeS(3600.0)]);
        let by_time = step(StepMode::Rest, &[StepEnd::TimeS(95.5), StepEnd::VoltageV(2.6)]);
        let (cycler, rows) = run(0.8, vec![by_charge, by_time], 2, 1.0);
        assert_eq!(*cycler.progress(), Progress::Finished);
        let ends: Vec<&Row> = rows
            .iter()
            .enumerate()
            .filter(|(i, row)| rows.get(i + 1).is_none_or(|next| next.step != row.step))
            .map(|(_, row)| row)
            .collect();
        // 0.5 Ah at 5 A take 360 s.
        let times: Vec<f64> = ends.iter().map(|row| row.test_time_s).collect();
        assert_eq!(times, [360.0, 455.5, 815.5, 911.0]);
        let place: Vec<(u32, u32)> = ends.iter().map(|row| (row.cycle, row.step)).collect();
        assert_eq!(place, [(1, 1), (1, 2), (2, 1), (2, 2)]);
        assert_eq!((ends[0].capacity_ah, ends[1].capacity_ah), (-0.5, 0.0));
    }

    #[test]
    fn cc_cv_in_one_step_tapers_like_two_steps() {
        let charge = step(StepMode::CcCv { current_a: 2.5, voltage_v: 4.2 }, &[StepEnd::CurrentA(0.25)]);
        let (cycler, rows) = run(0.2, vec![charge], 1, 12.0);
        assert_eq!(*cycler.progress(), Progress::Finished);
        assert!((rows[10].current_a - 2.5).abs() < 2e-3, "{:?}", rows[10]);
        assert!(rows.iter().all(|row| row.voltage_v < 4.201));
        assert!((rows.last().unwrap().current_a - 0.25).abs() < 2e-3);
        assert!((0.98..1.01).contains(&cycler.cell().soc()), "{}", cycler.cell().soc());
    }

    #[test]
    fn a_loop_repeats_steps_and_rows_keep_their_numbers() {
        let pulse = step(StepMode::Cc { current_a: -5.0 }, &[StepEnd::TimeS(10.0)]);
        let rest = step(StepMode::Rest, &[StepEnd::TimeS(10.0)]);
        let back = step(StepMode::Loop { to: 2, times: 3 }, &[]);
        let (cycler, rows) = run(0.8, vec![rest.clone(), pulse, back, rest], 1, 1.0);
        assert_eq!((cycler.progress(), cycler.test_time_s()), (&Progress::Finished, 50.0));
        let place: Vec<(u32, u32)> = rows.iter().map(|row| (row.step, row.cycle)).collect();
        assert_eq!(place, [(1, 1), (2, 1), (2, 2), (2, 3), (4, 3)]);
    }

    #[test]
    fn a_power_that_falls_to_its_limit_ends_a_step() {
        let hold = step(StepMode::Cv { voltage_v: 4.2 }, &[StepEnd::PowerW(2.0), StepEnd::TimeS(36_000.0)]);
        let (cycler, rows) = run(0.9, vec![hold], 1, 12.0);
        assert_eq!(*cycler.progress(), Progress::Finished);
        assert!((rows.last().unwrap().power_w - 2.0).abs() < 0.02, "{:?}", rows.last());
    }

    #[test]
    fn a_battery_driven_out_of_its_window_trips_the_channel() {
        let (cycler, _) = run(0.5, vec![step(StepMode::Cc { current_a: 5.0 }, &[])], 1, 5.0);
        let Progress::Fault(reason) = cycler.progress() else { panic!("{:?}", cycler.progress()) };
        assert!(reason.starts_with("overvoltage"), "{reason}");
    }

    #[test]
    fn the_times_of_the_rows_only_rise() {
        let discharge = step(StepMode::Cc { current_a: -5.0 }, &[StepEnd::TimeS(30.0)]);
        let rest = step(StepMode::Rest, &[StepEnd::TimeS(4.0)]);
        let (_, rows) = run(0.8, vec![discharge, rest], 5, 1.0);
        assert!(rows.windows(2).all(|pair| pair[1].test_time_s > pair[0].test_time_s));
    }

    proptest::proptest! {
        #[test]
        fn charge_logged_is_charge_the_battery_took(
            parts in proptest::collection::vec((-2.0_f64..2.0, 1.0_f64..600.0), 1..8),
            tick_s in 0.5_f64..60.0,
        ) {
            let parameters = CellParameters { coulombic_efficiency: 1.0, fade_per_cycle: 0.0, ..Preset::Nmc21700.parameters() };
            let cell = Cell::new(parameters, 0.5, 25.0);
            let steps: Vec<Step> =
                parts.iter().map(|(current_a, s)| step(StepMode::Cc { current_a: *current_a }, &[StepEnd::TimeS(*s)])).collect();
            let mut cycler = Cycler::new(cell, Steps { steps, cycles: 1 }, 10.0, 1);
            let mut rows = Vec::new();
            while *cycler.progress() == Progress::Running {
                cycler.advance(tick_s, &mut rows);
            }
            proptest::prop_assert_eq!(cycler.progress(), &Progress::Finished);
            let ends = (1_u32..).take(parts.len()).filter_map(|step| rows.iter().rfind(|row| row.step == step));
            let logged_ah: f64 = ends.map(|row| row.capacity_ah).sum();
            let expected_ah: f64 = parts.iter().map(|(current_a, s)| current_a * s / 3600.0).sum();
            let taken_ah = 5.0 * (cycler.cell().soc() - 0.5);
            // Every end of a step is rounded to 0.01 mAh.
            proptest::prop_assert!((logged_ah - expected_ah).abs() < 1e-4, "{} {}", logged_ah, expected_ah);
            proptest::prop_assert!((taken_ah - expected_ah).abs() < 1e-9, "{} {}", taken_ah, expected_ah);
            proptest::prop_assert!(rows.windows(2).all(|pair| pair[1].test_time_s >= pair[0].test_time_s));
        }
    }
}
