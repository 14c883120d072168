//! Temperature sensors: what they say, and whether they can be believed.

use super::alarm::Code;

/// No battery is colder and still measured, °C.
const PLAUSIBLE_MIN_C: f64 = -60.0;
/// No battery is hotter and still a battery, °C.
const PLAUSIBLE_MAX_C: f64 = 200.0;
/// Longest time without a temperature, s of measured time: some sensors are read far less often than the rest.
pub(super) const MISSING_S: f64 = 60.0;
/// Longest time of temperatures nobody can believe, s.
const IMPLAUSIBLE_S: f64 = 10.0;
/// And so many rows of either kind.
const UNUSABLE_ROWS: u32 = 3;
/// A temperature that does not move for so long while current flows is frozen, s.
pub(super) const FROZEN_S: f64 = 600.0;

/// Words in the names of temperatures that are not the battery's.
const ELSEWHERE: [&str; 8] = ["ambient", "chamber", "room", "air", "device", "board", "sink", "channel"];

/// Whether a column is a temperature of the battery.
pub(super) fn is_battery_temperature(column: &str) -> bool {
    column.ends_with("_c") && column.contains("temperature") && !ELSEWHERE.iter().any(|word| column.contains(word))
}

/// Why a sensor cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unusable {
    /// Not measured, or not a number.
    Missing,
    /// Measured, and impossible.
    Implausible,
}

/// One sensor of a battery.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sensor {
    /// Its column.
    pub(super) column: String,
    unusable: Option<(Unusable, f64, u32)>,
    held_c: f64,
    /// How long it has said `held_c` while current flowed, s.
    held_s: f64,
    raised: Option<Code>,
}

impl Sensor {
    pub(super) fn new(column: &str) -> Self {
        Self { column: column.to_owned(), unusable: None, held_c: f64::NAN, held_s: 0.0, raised: None }
    }

    /// What the sensor's last rows were good for.
    pub(super) fn raised(&self) -> Option<Code> {
        self.raised
    }

    /// A value as it can be used.
    pub(super) fn usable(value: Option<f64>) -> Option<f64> {
        value.filter(|value| (PLAUSIBLE_MIN_C..=PLAUSIBLE_MAX_C).contains(value))
    }

    /// Follows a row at a moment of the row clock, `step_s` after the one before, with or without current.
    pub(super) fn follow(&mut self, value: Option<f64>, at_s: f64, step_s: f64, current_flows: bool) {
        let fault = match (Self::usable(value), value) {
            (Some(usable), _) => {
                self.unusable = None;
                #[expect(clippy::float_cmp, reason = "frozen means the very same number")]
                if usable == self.held_c {
                    self.held_s += if current_flows { step_s } else { 0.0 };
                } else {
                    (self.held_c, self.held_s) = (usable, 0.0);
                }
                (self.held_s >= FROZEN_S).then_some(Code::TemperatureFrozen)
            }
            (None, Some(value)) if !value.is_nan() => self.unusable(Unusable::Implausible, at_s),
            (None, _) => self.unusable(Unusable::Missing, at_s),
        };
        // One unusable row does not end a fault.
        if fault.is_some() || self.unusable.is_none() {
            self.raised = fault;
        }
    }

    fn unusable(&mut self, why: Unusable, at_s: f64) -> Option<Code> {
        let (why, since_s, rows) = match self.unusable {
            // Impossible values between missing ones are no better than either.
            Some((before, since_s, rows)) => {
                (if before == why { why } else { Unusable::Missing }, since_s, rows.saturating_add(1))
            }
            None => (why, at_s, 1),
        };
        self.unusable = Some((why, since_s, rows));
        let (code, patience_s) = match why {
            Unusable::Missing => (Code::TemperatureMissing, MISSING_S),
            Unusable::Implausible => (Code::TemperatureImplausible, IMPLAUSIBLE_S),
        };
        (rows >= UNUSABLE_ROWS && at_s - since_s >= patience_s).then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rows: impl IntoIterator<Item = Option<f64>>, current_flows: bool) -> Option<Code> {
        let mut sensor = Sensor::new("temperature_c");
        for (row, value) in (0_u32..).zip(rows) {
            sensor.follow(value, f64::from(row), 1.0, current_flows);
        }
        sensor.raised()
    }

    #[test]
    fn a_frozen_temperature_counts_only_while_current_flows() {
        assert_eq!(after([Some(25.0); 600], true), None);
        assert_eq!(after([Some(25.0); 601], true), Some(Code::TemperatureFrozen));
        assert_eq!(after([Some(25.0); 5_000], false), None);
        let moves = (0..5_000).map(|row| Some(if row % 500 == 0 { 25.1 } else { 25.0 }));
        assert_eq!(after(moves, true), None);
    }

    #[test]
    fn a_missing_temperature_is_a_fault_whatever_it_is_missing_as() {
        assert_eq!(after([None; 60], true), None);
        assert_eq!(after([None; 61], true), Some(Code::TemperatureMissing));
        assert_eq!(after([Some(f64::NAN); 61], false), Some(Code::TemperatureMissing));
        let now_and_then = (0..600).map(|row| (row % 50 == 0).then_some(20.0 + f64::from(row) / 100.0));
        assert_eq!(after(now_and_then, false), None, "a slow sensor");
    }

    #[test]
    fn an_impossible_temperature_is_a_fault_sooner() {
        assert_eq!(after([Some(-127.0); 10], true), None);
        assert_eq!(after([Some(-127.0); 11], true), Some(Code::TemperatureImplausible));
        assert_eq!(after([Some(f64::INFINITY); 11], true), Some(Code::TemperatureImplausible));
        assert_eq!(after([Some(-127.0), Some(25.0)].into_iter().cycle().take(100), true), None);
    }

    #[test]
    fn a_sensor_that_works_again_is_believed_again() {
        let broken = std::iter::repeat_n(Some(-127.0), 50);
        assert_eq!(after(broken.clone().chain([None]), true), Some(Code::TemperatureImplausible));
        assert_eq!(after(broken.chain([Some(25.0)]), true), None);
    }

    #[test]
    fn temperatures_elsewhere_are_not_the_batterys() {
        for column in ["temperature_c", "temperature_2_c", "cell_3_temperature_c"] {
            assert!(is_battery_temperature(column), "{column}");
        }
        for column in ["ambient_temperature_c", "chamber_temperature_c", "voltage_v", "temperature_k", "dac_c"] {
            assert!(!is_battery_temperature(column), "{column}");
        }
    }
}
