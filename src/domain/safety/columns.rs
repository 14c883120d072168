//! The columns of a batch that limits are about.

use super::alarm::Code;
use super::sensor::{Sensor, is_battery_temperature};
use crate::domain::sample::{Batch, Column};

/// Temperatures looked at in one batch: a 14-cell pack with a sensor per cell has fewer.
const TEMPERATURES_MAX: usize = 32;

/// One column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    column: &'a Column,
}

impl<'a> Rows<'a> {
    pub(super) fn name(&self) -> &'a str {
        &self.column.name
    }

    pub(super) fn get(&self, row: usize) -> Option<f64> {
        if self.column.nulls.is_empty() { self.column.values.get(row).copied() } else { self.column.get(row) }
    }

    /// A value a limit can be compared with.
    pub(super) fn usable_at(&self, code: Code, row: usize) -> Option<f64> {
        let value = self.get(row)?;
        match code {
            Code::TemperatureHigh | Code::TemperatureLow | Code::TemperatureNear => Sensor::usable(Some(value)),
            _ => Some(value).filter(|value| !value.is_nan()),
        }
    }

    pub(super) fn usable(self, code: Code) -> impl Iterator<Item = f64> {
        (0..self.column.values.len()).filter_map(move |row| self.usable_at(code, row))
    }

    /// Lowest and highest value, whatever stands in rows that were not measured.
    pub(super) fn extremes(&self) -> (f64, f64) {
        let fold = |(low, high): (f64, f64), value: &f64| (low.min(*value), high.max(*value));
        self.column.values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), fold)
    }
}

/// The columns of a batch, found once.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    voltage: Option<Rows<'a>>,
    current: Option<Rows<'a>>,
    test_time: Option<Rows<'a>>,
    temperatures: [Option<Rows<'a>>; TEMPERATURES_MAX],
    temperature_count: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(batch: &'a Batch) -> Self {
        let mut columns = Self {
            voltage: None,
            current: None,
            test_time: None,
            temperatures: [None; TEMPERATURES_MAX],
            temperature_count: 0,
        };
        for column in &batch.columns {
            let rows = Some(Rows { column });
            match column.name.as_str() {
                "voltage_v" => columns.voltage = rows,
                "current_a" => columns.current = rows,
                "test_time_s" => columns.test_time = rows,
                name if columns.temperature_count < TEMPERATURES_MAX && is_battery_temperature(name) => {
                    columns.temperatures[columns.temperature_count] = rows;
                    columns.temperature_count += 1;
                }
                _ => {}
            }
        }
        columns
    }

    pub(super) fn voltage(&self) -> Option<Rows<'a>> {
        self.voltage
    }

    pub(super) fn current(&self) -> Option<Rows<'a>> {
        self.current
    }

    pub(super) fn test_time(&self) -> Option<Rows<'a>> {
        self.test_time
    }

    pub(super) fn temperatures(&self) -> impl Iterator<Item = Rows<'a>> {
        self.temperatures[..self.temperature_count].iter().copied().flatten()
    }

    /// The columns a limit is about.
    pub(super) fn judged_by(&self, code: Code) -> impl Iterator<Item = Rows<'a>> {
        let one = match code {
            Code::VoltageHigh | Code::VoltageLow => self.voltage,
            Code::ChargeCurrentHigh | Code::DischargeCurrentHigh => self.current,
            _ => None,
        };
        let is_temperature = matches!(code, Code::TemperatureHigh | Code::TemperatureLow | Code::TemperatureNear);
        let temperatures = if is_temperature { self.temperature_count } else { 0 };
        one.into_iter().chain(self.temperatures[..temperatures].iter().copied().flatten())
    }
}

/// Time between a row and the one before, s, within what a row can mean.
pub(super) fn step_s(last_us: &mut Option<i64>, at_us: i64, most_s: f64) -> f64 {
    let before = last_us.replace(at_us);
    #[expect(clippy::cast_precision_loss, reason = "a difference of seconds")]
    before.map_or(0.0, |before| (at_us.saturating_sub(before) as f64 / 1e6).clamp(0.0, most_s))
}
