//! What a profile will do, computed before anything is connected.

use super::cell_model::cell::{Cell, CellParameters};
use super::run::{Progress, Run};
use crate::domain::profile::{StepMode, Steps};

/// Most pieces computed: 17 days of a profile at 1C, a fraction of a second of work.
const PIECES_MAX: usize = 300_000;
/// Length of a piece at 1C and below, s: the voltage changes by a few millivolts meanwhile.
const PIECE_S: f64 = 5.0;
/// Most points kept; a drawing has fewer pixels.
const POINTS_MAX: usize = 4_000;
/// Rates of the presets allow twice the capacity per hour where a voltage or a power is held.
const HELD_RATE_C: f64 = 2.0;

/// The battery a profile is tried on.
#[derive(Debug, Clone, PartialEq)]
pub struct CellModel {
    /// What it is made of.
    pub parameters: CellParameters,
    /// State of charge at the start, a fraction.
    pub soc: f64,
    /// Temperature of the air, °C.
    pub ambient_c: f64,
}

/// A moment of a dry run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Since the start, s.
    pub time_s: f64,
    /// Voltage, V.
    pub voltage_v: f64,
    /// Current, A; positive charges.
    pub current_a: f64,
    /// Temperature of the battery, °C.
    pub temperature_c: f64,
}

/// How a dry run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The last step ended.
    Finished,
    /// The battery left its window or became too hot, or cannot give the power, in this step.
    Fault {
        /// Step, from 1.
        step: u32,
        /// Why.
        reason: String,
    },
    /// Too long to compute: the duration is carried on from the cycles computed.
    CutShort {
        /// Cycles that were computed to their end.
        cycles: u32,
    },
    /// A step goes on for ever, as far as was computed.
    Endless {
        /// Step, from 1.
        step: u32,
    },
}

/// What a profile will do.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRun {
    /// Course of the run, at most `POINTS_MAX` points and those of ends of steps.
    pub points: Vec<Point>,
    /// How it ended.
    pub ending: Ending,
    /// How long the whole takes, s; carried on where it was cut short.
    pub duration_s: f64,
    /// How much of it was computed and is drawn, s.
    pub computed_s: f64,
    /// Energy put in, Wh; of the whole.
    pub energy_in_wh: f64,
    /// Energy taken out, Wh; of the whole.
    pub energy_out_wh: f64,
    /// Highest temperature of the battery, °C.
    pub hottest_c: f64,
    /// Lowest and highest voltage, V.
    pub voltage_v: (f64, f64),
    /// Cycles of the whole.
    pub cycles: u32,
}

/// Executes steps on a model of a battery, bounded in work and points.
#[must_use]
pub fn dry_run(steps: &Steps, cell: &CellModel) -> DryRun {
    let capacity_ah = cell.parameters.capacity_ah;
    let currents = steps.steps.iter().filter_map(|step| match step.mode {
        StepMode::Cc { current_a } | StepMode::CcCv { current_a, .. } => Some(current_a.abs()),
        _ => None,
    });
    let rate_c = currents.fold(1.0, |most: f64, current_a| most.max(current_a / capacity_ah));
    let battery = Cell::new(cell.parameters.clone(), cell.soc, cell.ambient_c);
    let mut run = Run::new(battery, steps.clone(), HELD_RATE_C.max(rate_c) * capacity_ah, PIECE_S / rate_c);
    let mut course = Course::new(&run);
    let (mut cycle, mut cycle_began_s, mut pieces) = (1, 0.0, 0);
    while *run.progress() == Progress::Running && pieces < PIECES_MAX {
        pieces += 1;
        let before_s = run.time_s();
        let has_ended = run.advance(f64::INFINITY);
        course.take(&run, run.time_s() - before_s, has_ended);
        if has_ended {
            run.begin_next_step();
            if run.position().1 > cycle {
                (cycle, cycle_began_s) = (run.position().1, run.time_s());
            }
        }
    }
    let (step, _) = run.position();
    let cycles = steps.cycle_count();
    let ending = match run.progress() {
        Progress::Finished => Ending::Finished,
        Progress::Fault(reason) => Ending::Fault { step, reason: reason.clone() },
        Progress::Running if cycle > 1 => Ending::CutShort { cycles: cycle - 1 },
        Progress::Running => Ending::Endless { step },
    };
    let is_cut = matches!(ending, Ending::CutShort { .. });
    let carried = if is_cut { f64::from(cycles) / f64::from(cycle - 1) } else { 1.0 };
    let computed_s = run.time_s();
    // Energy is counted to the end of what was computed, so it is carried on in proportion to the time.
    let duration_s = if is_cut { cycle_began_s * carried } else { computed_s };
    let whole = if computed_s > 0.0 { duration_s / computed_s } else { 1.0 };
    DryRun {
        ending,
        duration_s,
        computed_s,
        energy_in_wh: course.in_wh * whole,
        energy_out_wh: course.out_wh * whole,
        hottest_c: course.hottest_c,
        voltage_v: course.voltage_v,
        cycles,
        points: course.points,
    }
}

/// Collects points, thinner the more there are.
struct Course {
    points: Vec<Point>,
    stride: usize,
    since: usize,
    in_wh: f64,
    out_wh: f64,
    hottest_c: f64,
    voltage_v: (f64, f64),
}

impl Course {
    fn new(run: &Run) -> Self {
        let mut course = Self {
            points: Vec::with_capacity(POINTS_MAX),
            stride: 1,
            since: 0,
            in_wh: 0.0,
            out_wh: 0.0,
            hottest_c: f64::NEG_INFINITY,
            voltage_v: (f64::INFINITY, f64::NEG_INFINITY),
        };
        course.take(run, 0.0, true);
        course
    }

    fn take(&mut self, run: &Run, dt_s: f64, is_end: bool) {
        let point = Point {
            time_s: run.time_s(),
            voltage_v: run.voltage_v(),
            current_a: run.current_a(),
            temperature_c: run.cell().temperature_c(),
        };
        let energy_wh = point.voltage_v * point.current_a * dt_s / 3600.0;
        if energy_wh > 0.0 {
            self.in_wh += energy_wh;
        } else {
            self.out_wh -= energy_wh;
        }
        self.hottest_c = self.hottest_c.max(point.temperature_c);
        self.voltage_v = (self.voltage_v.0.min(point.voltage_v), self.voltage_v.1.max(point.voltage_v));
        self.since += 1;
        if is_end || self.since >= self.stride {
            self.points.push(point);
            self.since = 0;
        }
        if self.points.len() >= POINTS_MAX {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell_model::typical::{Family, parameters};
    use super::*;
    use crate::domain::profile::text;

    fn tried(profile: &str, soc: f64) -> DryRun {
        let steps = text::read(profile).unwrap().resolve(5.0).unwrap();
        let parameters = parameters(Family::Nmc, 1, 5.0, None);
        dry_run(&steps, &CellModel { parameters, soc, ambient_c: 25.0 })
    }

    #[test]
    fn a_discharge_takes_the_time_and_gives_the_energy_that_charge_and_voltage_say() {
        let run = tried("CC, -0.2C, VOLTAGE, 2.5", 1.0);
        assert_eq!(run.ending, Ending::Finished);
        // 5 Ah at 1 A, less what stays behind the resistance; a mean of 3.7 V.
        assert!((4.7..5.0).contains(&(run.duration_s / 3600.0)), "{}", run.duration_s);
        assert!((17.0..18.5).contains(&run.energy_out_wh), "{}", run.energy_out_wh);
        assert_eq!(run.energy_in_wh, 0.0);
        assert!(run.hottest_c > 25.0 && run.hottest_c < 30.0);
        assert!((run.voltage_v.0 - 2.5).abs() < 0.02, "{:?}", run.voltage_v);
    }

    #[test]
    fn a_long_life_test_is_computed_in_part_and_carried_on() {
        let run = tried("CCCV, 0.5C, 4.2, CURRENT, 0.05C\nCC, -1C, VOLTAGE, 2.5\nLOOP, 1, 1000", 0.5);
        let Ending::CutShort { cycles } = run.ending else { panic!("{:?}", run.ending) };
        assert!(cycles > 20 && cycles < 1000);
        let a_cycle_h = run.duration_s / 3600.0 / 1000.0;
        assert!((2.8..4.5).contains(&a_cycle_h), "{a_cycle_h}");
        assert!(run.points.len() <= POINTS_MAX && run.computed_s < run.duration_s);
        assert!(run.energy_in_wh > run.energy_out_wh && run.energy_out_wh > 1000.0 * 14.0);
    }

    #[test]
    fn what_goes_wrong_is_told_with_its_step() {
        let run = tried("WAIT, 60\nCC, 1C, TIME, 36000", 0.5);
        assert!(
            matches!(&run.ending, Ending::Fault { step: 2, reason } if reason.contains("overvoltage")),
            "{:?}",
            run.ending
        );
        assert_eq!(tried("WAIT, VOLTAGE, 1", 0.5).ending, Ending::Endless { step: 1 });
    }
}
