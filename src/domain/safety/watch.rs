//! The watch over one run: rows go in, findings come out.
//!
//! It judges values. Times of a device only serve as differences between rows that follow each other, each bounded, so
//! that a device that thinks it is 1970, or whose clock is set, changes nothing; whether rows come at all is a matter of
//! the server's own clock, in [`super::pulse`].
//!
//! Rows older than what was already seen are told apart by their numbers, not by their times.

use super::alarm::{Code, Finding};
use super::bound::{Bound, Side, Turn};
use super::columns::{Columns, Rows, step_s};
use super::order::{Age, Order};
use super::sensor::Sensor;
use super::slope::Slope;
use super::words::{raised, sensor};
use crate::domain::run::RunLimits;
use crate::domain::sample::Batch;

/// Uncertainty of a voltmeter and overshoot of a regulator, over the limit: half a per cent …
const VOLTAGE_TOLERANCE: f64 = 0.005;
/// … at least this, V.
const VOLTAGE_TOLERANCE_MIN_V: f64 = 0.005;
/// The same of a current, over the largest current allowed.
const CURRENT_TOLERANCE: f64 = 0.02;
/// The same of a temperature, °C.
const TEMPERATURE_TOLERANCE_C: f64 = 1.0;
/// So many tolerances beyond a limit, one row is enough.
const GROSS: f64 = 3.0;
/// A temperature must fall so far below its limit before its alarm ends, °C.
const TEMPERATURE_BACK_C: f64 = 2.0;
/// So far below the highest temperature a warning is given, °C.
const TEMPERATURE_NEAR_C: f64 = 5.0;
/// Largest difference of two sensors of one battery, °C, and for how long, s.
const TEMPERATURES_DIFFER_C: f64 = 10.0;
const TEMPERATURES_DIFFER_S: f64 = 10.0;
/// A current counts as flowing from this share of the largest one allowed: below it a battery may well keep its
/// temperature for ten minutes.
const FLOWING: f64 = 0.1;
/// A current that moves less than this share of the largest one is steady, and less than that is none.
const STEADY: f64 = 0.02;
/// After a change of the current the voltage settles for so long before its rate counts, s.
const SETTLE_S: f64 = 10.0;
/// Windows of the rates, s.
const VOLTAGE_WINDOW_S: f64 = 5.0;
const TEMPERATURE_WINDOW_S: f64 = 60.0;
/// Rates beyond their limit, one after the other, before they count.
const RATE_ROWS: u32 = 3;
/// Time between two rows counts at most as so many sample periods, and so many seconds: a clock that was set is not a pause.
const STEP_PERIODS: f64 = 10.0;
const STEP_MIN_S: f64 = 10.0;
/// Longest step of the device's own test time that counts, s.
const TEST_STEP_MAX_S: f64 = 3_600.0;
/// Sensors watched of one battery.
const SENSORS_MAX: usize = 32;

/// What a device can be judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The station of the run.
    Station,
    /// An independent probe on its battery: its voltage and temperature count, and it may fall silent.
    Probe,
}

/// The watch over one run, as told by one witness.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    limits: RunLimits,
    witness: Witness,
    period_s: f64,
    order: Order,
    bounds: Vec<(Code, Bound)>,
    near: Option<Bound>,
    sensors: Vec<Sensor>,
    sensor_fault: Option<Code>,
    /// Since when sensors differ: of the row clock.
    differ_since_s: Option<f64>,
    do_differ: bool,
    /// Measured time so far, s.
    clock_s: f64,
    last_at_us: Option<i64>,
    /// The battery's own time, s: the column `test_time_s`, or the measured time.
    test_s: f64,
    last_test_s: Option<f64>,
    largest_a: f64,
    steady_a: f64,
    steady_since_s: f64,
    voltage_slope: Slope,
    voltage_rates: u32,
    temperature_slope: Slope,
    temperature_rates: u32,
    charge_ah: f64,
    has_raised: [bool; 4],
}

/// Places in `has_raised`.
const RATE_V: usize = 0;
const RATE_T: usize = 1;
const CHARGE: usize = 2;
const TIME: usize = 3;

impl Watch {
    /// A watch over a run within these limits.
    #[must_use]
    pub fn new(limits: RunLimits, sample_period_ms: u32, witness: Witness) -> Self {
        let largest_a = limits.current_max_a.max(-limits.current_min_a);
        let voltage = |side, limit: f64| {
            let tolerance = (VOLTAGE_TOLERANCE * limit.abs()).max(VOLTAGE_TOLERANCE_MIN_V);
            Bound::new(side, limit, tolerance, GROSS * tolerance, 0.0)
        };
        let current = |side, limit| {
            let tolerance = CURRENT_TOLERANCE * largest_a;
            Bound::new(side, limit, tolerance, GROSS * tolerance, 0.0)
        };
        let temperature = |side, limit| {
            let tolerance = TEMPERATURE_TOLERANCE_C;
            Bound::new(side, limit, tolerance, GROSS * tolerance, TEMPERATURE_BACK_C)
        };
        let mut bounds = vec![
            (Code::VoltageHigh, voltage(Side::Above, limits.voltage_max_v)),
            (Code::VoltageLow, voltage(Side::Below, limits.voltage_min_v)),
        ];
        if witness == Witness::Station {
            bounds.push((Code::ChargeCurrentHigh, current(Side::Above, limits.current_max_a)));
            bounds.push((Code::DischargeCurrentHigh, current(Side::Below, limits.current_min_a)));
        }
        bounds.extend(limits.temperature_max_c.map(|limit| (Code::TemperatureHigh, temperature(Side::Above, limit))));
        bounds.extend(limits.temperature_min_c.map(|limit| (Code::TemperatureLow, temperature(Side::Below, limit))));
        let near = limits.temperature_max_c.map(|limit| {
            Bound::new(Side::Above, limit - TEMPERATURE_NEAR_C, 0.0, TEMPERATURE_NEAR_C, TEMPERATURE_BACK_C)
        });
        Self {
            limits,
            witness,
            period_s: f64::from(sample_period_ms.max(1)) / 1e3,
            order: Order::default(),
            bounds,
            near,
            sensors: Vec::new(),
            sensor_fault: None,
            differ_since_s: None,
            do_differ: false,
            clock_s: 0.0,
            last_at_us: None,
            test_s: 0.0,
            last_test_s: None,
            largest_a,
            steady_a: f64::NAN,
            steady_since_s: 0.0,
            voltage_slope: Slope::new(VOLTAGE_WINDOW_S),
            voltage_rates: 0,
            temperature_slope: Slope::new(TEMPERATURE_WINDOW_S),
            temperature_rates: 0,
            charge_ah: 0.0,
            has_raised: [false; 4],
        }
    }

    /// The limits it watches.
    #[must_use]
    pub fn limits(&self) -> &RunLimits {
        &self.limits
    }

    /// Judges a batch. Usually nothing is found, and then nothing is allocated.
    pub fn hear(&mut self, batch: &Batch) -> Vec<Finding> {
        let mut found = Vec::new();
        if batch.rows() == 0 {
            return found;
        }
        let columns = Columns::of(batch);
        match self.order.place(batch, self.period_s) {
            Age::Backfill => self.judge_backfill(&columns, &mut found),
            Age::Unordered => self.judge_values(batch, &columns, &mut found),
            Age::Live => {
                self.judge_values(batch, &columns, &mut found);
                self.follow_rows(batch, &columns, &mut found);
            }
        }
        found
    }

    /// Rows of long ago: what was wrong then is told, and nothing else follows from it.
    fn judge_backfill(&self, columns: &Columns<'_>, found: &mut Vec<Finding>) {
        for (code, bound) in &self.bounds {
            for rows in columns.judged_by(*code) {
                let mut before = None;
                let mut worst: Option<f64> = None;
                for value in rows.usable(*code) {
                    if bound.is_beyond(value, before) {
                        let is_worse = worst.is_none_or(|worst| bound.excess(value) > bound.excess(worst));
                        worst = if is_worse { Some(value) } else { worst };
                    }
                    before = Some(value);
                }
                if let Some(value) = worst {
                    found.push(raised(*code, value, bound.limit, rows.name(), true));
                }
            }
        }
    }

    /// The plain limits. A quick look at the extremes is nearly always enough.
    fn judge_values(&mut self, batch: &Batch, columns: &Columns<'_>, found: &mut Vec<Finding>) {
        let start_s = self.clock_s;
        let limit_step_s = self.step_max_s();
        let near = self.near.as_mut().map(|bound| (Code::TemperatureNear, bound));
        for (code, bound) in self.bounds.iter_mut().map(|(code, bound)| (*code, bound)).chain(near) {
            for rows in columns.judged_by(code) {
                let (lowest, highest) = rows.extremes();
                if bound.is_quiet(lowest, highest) {
                    continue;
                }
                let mut at_s = start_s;
                let mut last_us = self.last_at_us;
                for row in 0..batch.rows() {
                    at_s += step_s(&mut last_us, batch.times_us[row], limit_step_s);
                    let Some(value) = rows.usable_at(code, row) else { continue };
                    match bound.follow(value, at_s) {
                        Some(Turn::Raised) => found.push(raised(code, value, bound.limit, rows.name(), false)),
                        Some(Turn::Cleared) => found.push(Finding::Cleared(code)),
                        None => {}
                    }
                }
            }
        }
    }

    /// What depends on the rows before: clocks, sensors, rates, charge.
    fn follow_rows(&mut self, batch: &Batch, columns: &Columns<'_>, found: &mut Vec<Finding>) {
        for name in columns.temperatures().map(|rows| rows.name()) {
            if self.sensors.len() < SENSORS_MAX && self.sensors.iter().all(|sensor| sensor.column != name) {
                self.sensors.push(Sensor::new(name));
            }
        }
        if self.sensors.is_empty() && self.limits.temperature_max_c.is_some() && self.witness == Witness::Station {
            // Whatever it will be called: without it the limit is worth nothing.
            self.sensors.push(Sensor::new("temperature_c"));
        }
        let of_sensor: Vec<Option<Rows<'_>>> = self
            .sensors
            .iter()
            .map(|sensor| columns.temperatures().find(|rows| rows.name() == sensor.column))
            .collect();
        let (current, voltage) = (columns.current(), columns.voltage());
        let limit_step_s = self.step_max_s();
        for row in 0..batch.rows() {
            let step = step_s(&mut self.last_at_us, batch.times_us[row], limit_step_s);
            self.clock_s += step;
            let test_step_s = self.test_step_s(columns.test_time().and_then(|rows| rows.get(row)), step);
            let current_a = current.and_then(|rows| rows.get(row)).filter(|value| value.is_finite());
            let flows = current_a.is_some_and(|current_a| current_a.abs() >= FLOWING * self.largest_a);
            let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
            for (sensor, rows) in self.sensors.iter_mut().zip(&of_sensor) {
                let value = rows.and_then(|rows| rows.get(row));
                sensor.follow(value, self.clock_s, step, flows);
                if let Some(value) = Sensor::usable(value) {
                    (lowest, highest) = (lowest.min(value), highest.max(value));
                }
            }
            self.judge_difference(lowest, highest, found);
            if self.witness == Witness::Station {
                let voltage_v = voltage.and_then(|rows| rows.get(row)).filter(|value| value.is_finite());
                self.judge_rates(voltage_v, current_a, highest, found);
                self.judge_charge(current_a, test_step_s, found);
            }
        }
        self.judge_sensors(found);
        self.judge_time(found);
    }

    fn judge_sensors(&mut self, found: &mut Vec<Finding>) {
        if self.witness == Witness::Probe || self.limits.temperature_max_c.is_none() {
            return;
        }
        let fault = self.sensors.iter().find_map(|sensor| Some((sensor.raised()?, sensor.column.clone())));
        let code = fault.as_ref().map(|(code, _)| *code);
        if code == self.sensor_fault {
            return;
        }
        found.extend(self.sensor_fault.map(Finding::Cleared));
        self.sensor_fault = code;
        if let Some((code, column)) = fault {
            found.push(sensor(code, &column));
        }
    }

    fn judge_difference(&mut self, lowest_c: f64, highest_c: f64, found: &mut Vec<Finding>) {
        let difference_c = highest_c - lowest_c;
        let differ = difference_c > TEMPERATURES_DIFFER_C && self.limits.temperature_max_c.is_some();
        if !differ {
            self.differ_since_s = None;
            if self.do_differ && difference_c < TEMPERATURES_DIFFER_C - TEMPERATURE_BACK_C {
                self.do_differ = false;
                found.push(Finding::Cleared(Code::TemperaturesDiffer));
            }
            return;
        }
        let since_s = *self.differ_since_s.get_or_insert(self.clock_s);
        if !self.do_differ && self.clock_s - since_s >= TEMPERATURES_DIFFER_S {
            self.do_differ = true;
            found.push(raised(Code::TemperaturesDiffer, difference_c, TEMPERATURES_DIFFER_C, "", false));
        }
    }

    fn judge_rates(
        &mut self,
        voltage_v: Option<f64>,
        current_a: Option<f64>,
        highest_c: f64,
        found: &mut Vec<Finding>,
    ) {
        let at_s = self.test_s;
        let is_steady = current_a.is_some_and(|now_a| (now_a - self.steady_a).abs() <= STEADY * self.largest_a);
        if !is_steady {
            self.steady_a = current_a.unwrap_or(f64::NAN);
            self.steady_since_s = at_s;
            self.voltage_slope.clear();
        }
        if let (Some(limit), Some(voltage_v)) = (self.limits.voltage_rate_max_v_per_s, voltage_v)
            && at_s - self.steady_since_s >= SETTLE_S
        {
            let rate = self.voltage_slope.follow(at_s, voltage_v).map_or(0.0, f64::abs);
            let raise = exceeded(&mut self.voltage_rates, &mut self.has_raised[RATE_V], rate > limit);
            if raise {
                found.push(raised(Code::VoltageRate, rate, limit, "", false));
            }
        }
        if let Some(limit) = self.limits.temperature_rate_max_c_per_min
            && highest_c.is_finite()
        {
            let rate = self.temperature_slope.follow(at_s, highest_c).map_or(0.0, |rate| 60.0 * rate);
            let raise = exceeded(&mut self.temperature_rates, &mut self.has_raised[RATE_T], rate > limit);
            if raise {
                found.push(raised(Code::TemperatureRise, rate, limit, "", false));
            }
        }
    }

    fn judge_charge(&mut self, current_a: Option<f64>, step_s: f64, found: &mut Vec<Finding>) {
        let (Some(limit), Some(current_a)) = (self.limits.capacity_max_ah, current_a) else { return };
        if current_a.abs() < STEADY * STEADY * self.largest_a {
            return;
        }
        if current_a * self.charge_ah < 0.0 {
            self.charge_ah = 0.0;
            self.has_raised[CHARGE] = false;
        }
        self.charge_ah += current_a * step_s / 3_600.0;
        if self.charge_ah.abs() > limit && !self.has_raised[CHARGE] {
            self.has_raised[CHARGE] = true;
            found.push(raised(Code::ChargeHigh, self.charge_ah, limit, "", false));
        }
    }

    fn judge_time(&mut self, found: &mut Vec<Finding>) {
        let Some(limit) = self.limits.time_max_s.filter(|_| self.witness == Witness::Station) else { return };
        if self.test_s > limit && !self.has_raised[TIME] {
            self.has_raised[TIME] = true;
            found.push(raised(Code::TimeLong, self.test_s, limit, "", false));
        }
    }

    fn step_max_s(&self) -> f64 {
        (STEP_PERIODS * self.period_s).max(STEP_MIN_S)
    }

    /// Moves the battery's own time on; by how much.
    fn test_step_s(&mut self, told_s: Option<f64>, step_s: f64) -> f64 {
        let Some(told_s) = told_s.filter(|told_s| told_s.is_finite()) else {
            self.test_s += step_s;
            return step_s;
        };
        let step_s = self.last_test_s.map_or(0.0, |last_s| (told_s - last_s).clamp(0.0, TEST_STEP_MAX_S));
        self.last_test_s = Some(told_s);
        self.test_s = told_s;
        step_s
    }
}

/// Counts rates beyond their limit; whether that is to be told now.
fn exceeded(rows: &mut u32, is_raised: &mut bool, is_beyond: bool) -> bool {
    *rows = if is_beyond { rows.saturating_add(1) } else { 0 };
    let raise = *rows >= RATE_ROWS && !*is_raised;
    *is_raised = raise || *is_raised && is_beyond;
    raise
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
