//! How values read on a screen: true minus, sign on currents, as many digits as help. `static/js/format.js` does the same.

use crate::domain::measure::{self, Shown};
use crate::store::monitor::MeasureLine;

/// Thin space: separates thousands.
const THIN: char = '\u{2009}';
/// Minus as typeset, not the hyphen.
const MINUS: char = '−';

/// A measured quantity on a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Column name, for scripts.
    pub column: String,
    /// Its name in words.
    pub name: String,
    /// Value as shown.
    pub text: String,
    /// Unit.
    pub unit: String,
    /// How the stored value becomes the shown one.
    pub shown: Shown,
    /// Digits after the point, where the unit is not the usual one.
    pub decimals: Option<usize>,
}

/// Name and unit of the columns the pages know.
const QUANTITIES: [(&str, &str, &str); 10] = [
    ("voltage_v", "Voltage", "V"),
    ("current_a", "Current", "A"),
    ("temperature_c", "Temperature", "°C"),
    ("soc_pct", "State of charge", "%"),
    ("soc", "State of charge", "%"),
    ("power_w", "Power", "W"),
    ("capacity_ah", "Charge moved", "Ah"),
    ("energy_wh", "Energy", "Wh"),
    ("temperature_2_c", "Temperature 2", "°C"),
    ("ambient_c", "Ambient", "°C"),
];

impl Reading {
    /// The reading of a column; `None` for columns that are no quantity to look at (`step`, `quality`, …).
    #[must_use]
    pub fn of(column: &str, value: Option<f64>) -> Option<Self> {
        let (_, name, unit) = QUANTITIES.iter().find(|(known, ..)| *known == column)?;
        let text = value.map_or_else(|| "–".to_owned(), |value| value_text(column, value));
        let (name, unit) = ((*name).to_owned(), (*unit).to_owned());
        Some(Self { column: column.to_owned(), name, text, unit, shown: Shown::STORED, decimals: None })
    }

    /// The reading of a station's measure, under the name and in the unit people gave it.
    #[must_use]
    pub fn of_measure(measure: &MeasureLine, value: Option<f64>) -> Self {
        let shown = measure::shown(&measure.column, &measure.unit);
        let decimals = (shown != Shown::STORED).then(|| decimals_for(&measure.column, shown.scale));
        let text = match (value, decimals) {
            (None, _) => "–".to_owned(),
            (Some(value), None) => value_text(&measure.column, value),
            (Some(value), Some(decimals)) => fixed(shown.of(value), decimals, is_signed(&measure.column)),
        };
        let (column, name, unit) = (measure.column.clone(), measure.name.clone(), measure.unit.clone());
        Self { column, name, text, unit, shown, decimals }
    }

    /// Whether it is one of the few everybody looks for.
    #[must_use]
    pub fn is_main(&self) -> bool {
        matches!(self.column.as_str(), "voltage_v" | "current_a" | "temperature_c" | "soc" | "soc_pct")
    }
}

/// Names of the columns the pages know, in the order they are shown.
pub fn quantities() -> impl Iterator<Item = &'static str> {
    QUANTITIES.iter().map(|(column, ..)| *column)
}

/// A value of a column as shown.
#[must_use]
pub fn value_text(column: &str, value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    match column {
        "voltage_v" => fixed(value, if value.abs() >= 10.0 { 2 } else { 3 }, false),
        "current_a" => fixed(value, if value.abs() >= 100.0 { 1 } else { 3 }, true),
        "soc_pct" => fixed(value, 1, false),
        // A fraction of the full charge.
        "soc" => fixed(value * 100.0, 1, false),
        "power_w" => fixed(value, 2, true),
        "capacity_ah" | "energy_wh" => fixed(value, 3, true),
        _ if column.ends_with("_c") => fixed(value, 1, false),
        _ => fixed(value, 3, false),
    }
}

/// Whether values of a column are shown with their sign.
fn is_signed(column: &str) -> bool {
    ["_a", "_w", "_ah", "_wh"].iter().any(|unit| column.ends_with(unit))
}

/// Digits after the point in a unit `scale` times smaller than the stored one: as exact as in the stored one.
fn decimals_for(column: &str, scale: f64) -> usize {
    let stored: i32 = if column.ends_with("_c") { 1 } else { 3 };
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a factor between units")]
    let fewer = scale.log10().round() as i32;
    usize::try_from((stored - fewer).clamp(0, 6)).unwrap_or_default()
}

/// `decimals` digits after the point, thousands parted; zero has no sign.
fn fixed(value: f64, decimals: usize, signed: bool) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let digits = format!("{:.decimals$}", value.abs());
    let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::new();
    if !is_zero && value < 0.0 {
        text.push(MINUS);
    } else if !is_zero && signed {
        text.push('+');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(THIN);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A length of time in words, as exact as anybody needs: `0.4 s`, `48 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn duration_words(us: i64) -> String {
    let us = us.max(0);
    let seconds = us / 1_000_000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, us % 1_000_000 / 100_000),
        10..60 => format!("{seconds} s"),
        60..3_600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Elapsed test time: `0:04:10`, `66:57:18`.
#[must_use]
pub fn elapsed_text(us: i64) -> String {
    let seconds = us.max(0) / 1_000_000;
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_a_person_would_write_them() {
        assert_eq!(value_text("voltage_v", 3.56), "3.560");
        assert_eq!(value_text("voltage_v", 48.209), "48.21");
        assert_eq!(value_text("current_a", -5.0), "−5.000");
        assert_eq!(value_text("current_a", 0.8707), "+0.871");
        assert_eq!(value_text("current_a", -0.0001), "0.000");
        assert_eq!(value_text("temperature_c", -12.34), "−12.3");
        assert_eq!(value_text("soc", 0.5), "50.0");
        assert_eq!(value_text("capacity_ah", 1_234_567.5), "+1\u{2009}234\u{2009}567.500");
        assert_eq!(value_text("voltage_v", f64::NAN), "–");
    }

    #[test]
    fn a_measure_is_shown_in_the_unit_people_chose() {
        let reading = |column: &str, unit: &str, value| {
            let measure = MeasureLine { column: column.into(), name: "Rim".into(), unit: unit.into() };
            let reading = Reading::of_measure(&measure, value);
            (reading.text, reading.decimals)
        };
        assert_eq!(reading("cell_3_voltage_v", "mV", Some(3.5613)), ("3\u{2009}561".into(), Some(0)));
        assert_eq!(reading("temperature_2_c", "K", Some(25.04)), ("298.2".into(), Some(1)));
        assert_eq!(reading("energy_wh", "kWh", Some(-1.5)), ("−0.001500".into(), Some(6)));
        assert_eq!(reading("current_a", "A", Some(1.5)), ("+1.500".into(), None));
        assert_eq!(reading("torque", "N m", None), ("–".into(), None));
    }

    #[test]
    fn lengths_of_time_keep_two_parts_at_most() {
        let second = 1_000_000;
        assert_eq!(duration_words(412_345), "0.4 s");
        assert_eq!(duration_words(48 * second), "48 s");
        assert_eq!(duration_words(192 * second), "3 min 12 s");
        assert_eq!(duration_words(180 * second), "3 min");
        assert_eq!(duration_words(7_505 * second), "2 h 5 min");
        assert_eq!(duration_words(3 * 86_400 * second + 14_500 * second), "3 d 4 h");
        assert_eq!(elapsed_text(241_038 * second), "66:57:18");
    }
}
