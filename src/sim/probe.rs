//! A simulated probe: sits on a battery that is used in daily life and measures it.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::batch::from_options;
use super::device::{Feed, wait_for_shutdown};
use super::instrument::{Instrument, round};
use super::journal::JournalError;
use super::plan::ProbePlan;
use super::unit::BATCH_WAIT;
use crate::analysis::cell_model::cell::Cell;
use crate::domain::ids::BatteryId;
use crate::domain::sample::{Batch, Subject, TimeBase};

/// State of charge below which the battery's user starts charging it, and above which discharging (fractions).
const USE_RANGE: (f64, f64) = (0.15, 0.95);
/// Shortest and longest time a load stays the same, s of the battery's time.
const LOAD_S: (f64, f64) = (60.0, 900.0);
/// Smallest and largest load, as a part of the capacity per hour.
const LOAD_C: (f64, f64) = (0.05, 0.6);
/// Longest piece computed at once, s.
const PIECE_S_MAX: f64 = 1.0;
/// Swing of the air's temperature over a day, K to either side.
const AMBIENT_SWING_K: f64 = 4.0;
const DAY_S: f64 = 86_400.0;

/// A battery with a user who draws and charges by chance, within the battery's limits.
#[derive(Debug)]
pub struct UsedBattery {
    cell: Cell,
    random: fastrand::Rng,
    instrument: Instrument,
    mean_ambient_c: f64,
    current_a: f64,
    charging: bool,
    load_left_s: f64,
    time_s: f64,
}

/// What a probe reads at once: V, A, °C, % and °C of the air.
pub type Reading = [f64; 5];

/// Names of a probe's columns, in the order of a [`Reading`].
pub const COLUMNS: [&str; 5] = ["voltage_v", "current_a", "temperature_c", "soc_pct", "ambient_c"];

impl UsedBattery {
    /// A battery whose use and noise follow from the seed.
    #[must_use]
    pub fn new(cell: Cell, seed: u64) -> Self {
        let mean_ambient_c = cell.ambient_c();
        Self {
            cell,
            random: fastrand::Rng::with_seed(seed),
            instrument: Instrument::new(seed ^ 1),
            mean_ambient_c,
            current_a: 0.0,
            charging: false,
            load_left_s: 0.0,
            time_s: 0.0,
        }
    }

    /// Lets `dt_s` seconds of the battery's time pass and reads the probe.
    pub fn advance(&mut self, dt_s: f64) -> Reading {
        let mut left_s = dt_s;
        while left_s > 1e-9 {
            let piece_s = left_s.min(PIECE_S_MAX);
            self.advance_piece(piece_s);
            left_s -= piece_s;
        }
        [
            self.instrument.voltage_v(self.cell.voltage_v(self.current_a)),
            self.instrument.current_a(self.current_a),
            self.instrument.temperature_c(self.cell.temperature_c()),
            round(100.0 * self.cell.soc(), 2),
            self.instrument.temperature_c(self.cell.ambient_c()),
        ]
    }

    fn advance_piece(&mut self, dt_s: f64) {
        if self.load_left_s <= 0.0 {
            self.load_left_s = LOAD_S.0 + (LOAD_S.1 - LOAD_S.0) * self.random.f64();
            let load_c = LOAD_C.0 + (LOAD_C.1 - LOAD_C.0) * self.random.f64();
            let magnitude_a = load_c * self.cell.capacity_ah();
            let is_pause = self.random.u8(..) < 64;
            self.current_a = match (is_pause, self.charging) {
                (true, _) => 0.0,
                (false, true) => magnitude_a,
                (false, false) => -magnitude_a,
            };
        }
        let limits = self.cell.parameters();
        let at_limit_a = if self.charging {
            self.cell.current_at_voltage_a(limits.voltage_max_v).max(0.0)
        } else {
            self.cell.current_at_voltage_a(limits.voltage_min_v).min(0.0)
        };
        // The charger tapers at the highest voltage, the load is cut at the lowest.
        self.current_a = if self.charging { self.current_a.min(at_limit_a) } else { self.current_a.max(at_limit_a) };
        self.cell
            .set_ambient_c(self.mean_ambient_c + AMBIENT_SWING_K * (std::f64::consts::TAU * self.time_s / DAY_S).sin());
        self.cell.advance(self.current_a, dt_s);
        self.time_s += dt_s;
        self.load_left_s -= dt_s;
        let turn = if self.charging { self.cell.soc() >= USE_RANGE.1 } else { self.cell.soc() <= USE_RANGE.0 };
        if turn {
            self.charging = !self.charging;
            self.load_left_s = 0.0;
        }
    }
}

fn batch(boot: u32, seq: i64, battery: BatteryId, readings: &[(i64, Reading)]) -> Batch {
    let column = |index: usize| {
        let values: Vec<Option<f64>> = readings.iter().map(|(_, reading)| Some(reading[index])).collect();
        from_options(COLUMNS[index], &values)
    };
    Batch {
        boot,
        seq,
        subject: Subject::Battery(battery),
        base: TimeBase::Utc,
        times_us: readings.iter().map(|(at_us, _)| *at_us).collect(),
        columns: (0..COLUMNS.len()).map(column).collect(),
    }
}

/// Measures until the feed says stop.
pub(super) async fn measure(mut feed: Feed, plan: ProbePlan) -> Result<Feed, JournalError> {
    let dt_s = 1.0 / plan.rows_per_s.clamp(0.001, 1000.0);
    let mut battery = UsedBattery::new(plan.cell, plan.seed);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(dt_s));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut readings: Vec<(i64, Reading)> = Vec::new();
    let mut flushed = tokio::time::Instant::now();
    loop {
        let goes_on = tokio::select! {
            _ = ticks.tick() => feed.has_room().await,
            () = wait_for_shutdown(&mut feed.shutdown) => false,
        };
        if goes_on {
            let after_us = readings.last().map_or(i64::MIN, |(at_us, _)| at_us + 1);
            readings.push((feed.clock.now_us().max(after_us), battery.advance(dt_s * plan.speed)));
        }
        if !readings.is_empty() && (!goes_on || flushed.elapsed() >= BATCH_WAIT) {
            let batch = feed.stamped(batch(feed.boot(), feed.seq(), plan.battery, &readings));
            feed.create(std::slice::from_ref(&batch)).await?;
            feed.send(&batch);
            readings.clear();
            flushed = tokio::time::Instant::now();
        }
        if !goes_on {
            return Ok(feed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cell_model::preset::Preset;

    fn days(preset: Preset, seed: u64, hours: u32) -> Vec<Reading> {
        let mut battery = UsedBattery::new(Cell::new(preset.parameters(), 0.6, 20.0), seed);
        (0..hours * 120).map(|_| battery.advance(30.0)).collect()
    }

    #[test]
    fn a_used_battery_stays_within_its_limits_and_is_charged_when_low() {
        for preset in Preset::ALL {
            let limits = preset.parameters();
            let readings = days(preset, 3, 72);
            let volts = |reading: &Reading| reading[0];
            let within = limits.voltage_min_v - 0.05..=limits.voltage_max_v + 0.05;
            assert!(readings.iter().all(|reading| within.contains(&volts(reading))), "{preset:?}");
            let soc = |reading: &Reading| reading[3];
            let lowest = readings.iter().map(soc).fold(f64::INFINITY, f64::min);
            let highest = readings.iter().map(soc).fold(0.0, f64::max);
            assert!((13.0..20.0).contains(&lowest) && (85.0..97.0).contains(&highest), "{preset:?} {lowest} {highest}");
        }
    }

    #[test]
    fn the_same_seed_uses_the_battery_the_same_way() {
        assert_eq!(days(Preset::Lfp26650, 1, 4), days(Preset::Lfp26650, 1, 4));
        assert_ne!(days(Preset::Lfp26650, 1, 4), days(Preset::Lfp26650, 2, 4));
    }
}
