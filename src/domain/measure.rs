//! What a station measures: quantities of its instruments, under the names people give them.

use super::ids::InstrumentId;
use super::sample::COLUMN_NAME_MAX;

/// Longest shown name of a measure, in characters.
pub const MEASURE_NAME_MAX: usize = 80;
/// Longest unit symbol, in characters.
pub const UNIT_MAX: usize = 16;

/// A quantity of one instrument, as a station shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Which instrument measures it.
    pub instrument: InstrumentId,
    /// What the instrument offers: `temperature_c`.
    pub quantity: String,
    /// The column of the station's samples: the quantity, or another name when two instruments measure the same.
    pub column: String,
    /// What people call it; unique within the station.
    pub name: String,
    /// Unit in which it is shown.
    pub unit: String,
}

/// Suffix, unit as stored, and further units it may be shown in.
const UNITS: [(&str, &[&str]); 14] = [
    ("_mah", &["mAh", "Ah"]),
    ("_ah", &["Ah", "mAh", "As"]),
    ("_wh", &["Wh", "mWh", "kWh"]),
    ("_ohm", &["Ω", "mΩ"]),
    ("_pct", &["%"]),
    ("_bar", &["bar", "mbar"]),
    ("_pa", &["Pa", "kPa", "mbar", "bar"]),
    ("_lpm", &["l/min"]),
    ("_hz", &["Hz", "kHz"]),
    ("_v", &["V", "mV"]),
    ("_a", &["A", "mA"]),
    ("_w", &["W", "mW", "kW"]),
    ("_c", &["°C", "K", "°F"]),
    ("_s", &["s", "min", "h"]),
];

/// Whether a text can be a column of samples.
#[must_use]
pub fn is_quantity(name: &str) -> bool {
    (1..=COLUMN_NAME_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The quantity in words: `cell_3_voltage_v` is “Cell 3 voltage”.
#[must_use]
pub fn title(quantity: &str) -> String {
    let suffix = UNITS.iter().find(|(suffix, _)| quantity.ends_with(suffix)).map_or("", |(suffix, _)| suffix);
    let words = quantity.strip_suffix(suffix).unwrap_or(quantity).replace('_', " ");
    let words = if words.trim().is_empty() { quantity.to_owned() } else { words.trim().to_owned() };
    let mut letters = words.chars();
    letters.next().map_or(words.clone(), |first| first.to_uppercase().chain(letters).collect())
}

/// The units a quantity may be shown in, that of the stored values first; empty when its name tells none, and then any
/// text will do.
#[must_use]
pub fn units(quantity: &str) -> &'static [&'static str] {
    UNITS.iter().find(|(suffix, _)| quantity.ends_with(suffix)).map_or(&[], |(_, units)| units)
}

/// The unit of the stored values; empty when the name tells none.
#[must_use]
pub fn stored_unit(quantity: &str) -> &'static str {
    units(quantity).first().copied().unwrap_or_default()
}

/// How a stored value is shown in another unit: times a factor, then plus an offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown {
    /// Factor.
    pub scale: f64,
    /// Added afterwards, in the shown unit.
    pub offset: f64,
}

impl Shown {
    /// As stored.
    pub const STORED: Self = Self { scale: 1.0, offset: 0.0 };

    /// The value in the shown unit.
    #[must_use]
    pub fn of(self, value: f64) -> f64 {
        value.mul_add(self.scale, self.offset)
    }
}

/// How values of a quantity are shown in a unit it may be shown in; as stored in a unit that is only a name.
#[must_use]
pub fn shown(quantity: &str, unit: &str) -> Shown {
    let scaled = |scale| Shown { scale, offset: 0.0 };
    match (stored_unit(quantity), unit) {
        ("V", "mV") | ("A", "mA") | ("W", "mW") | ("Ah", "mAh") | ("Wh", "mWh") | ("Ω", "mΩ") | ("bar", "mbar") => {
            scaled(1e3)
        }
        ("W", "kW") | ("Wh", "kWh") | ("Pa", "kPa") | ("Hz", "kHz") | ("mAh", "Ah") => scaled(1e-3),
        ("Ah", "As") => scaled(3_600.0),
        ("Pa", "mbar") => scaled(1e-2),
        ("Pa", "bar") => scaled(1e-5),
        ("s", "min") => scaled(1.0 / 60.0),
        ("s", "h") => scaled(1.0 / 3_600.0),
        ("°C", "K") => Shown { scale: 1.0, offset: 273.15 },
        ("°C", "°F") => Shown { scale: 1.8, offset: 32.0 },
        _ => Shown::STORED,
    }
}

/// The column of a quantity in a station that has the columns `taken`: `temperature_c`, then `temperature_2_c`.
#[must_use]
pub fn column_for(quantity: &str, taken: &[String]) -> String {
    if taken.iter().all(|column| column != quantity) {
        return quantity.to_owned();
    }
    let suffix = UNITS.iter().find(|(suffix, _)| quantity.ends_with(suffix)).map_or("", |(suffix, _)| suffix);
    let base = quantity.strip_suffix(suffix).unwrap_or(quantity);
    let numbered = (2_u32..).map(|number| {
        let number = format!("_{number}");
        // A long name gives way to its number.
        let room = COLUMN_NAME_MAX.saturating_sub(number.len() + suffix.len());
        format!("{}{number}{suffix}", &base[..base.len().min(room)])
    });
    numbered.into_iter().find(|column| !taken.contains(column)).unwrap_or_else(|| quantity.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_has_a_name_and_units() {
        for (quantity, name, unit) in [
            ("voltage_v", "Voltage", "V"),
            ("cell_3_voltage_v", "Cell 3 voltage", "V"),
            ("capacity_ah", "Capacity", "Ah"),
            ("resistance_ohm", "Resistance", "Ω"),
            ("soc", "Soc", ""),
            ("_v", "_v", "V"),
        ] {
            assert_eq!((title(quantity).as_str(), stored_unit(quantity)), (name, unit), "{quantity}");
        }
        assert!(units("temperature_c").contains(&"K") && units("soc").is_empty());
    }

    #[test]
    fn every_unit_that_is_offered_is_reckoned() {
        for (suffix, units) in UNITS {
            for unit in &units[1..] {
                assert_ne!(shown(suffix, unit), Shown::STORED, "{suffix} in {unit}");
            }
            assert_eq!(shown(suffix, units[0]), Shown::STORED);
        }
        assert!((shown("ambient_c", "°F").of(100.0) - 212.0).abs() < 1e-9);
        assert!((shown("current_a", "mA").of(-0.25) + 250.0).abs() < 1e-9);
        assert_eq!(shown("torque", "N m"), Shown::STORED);
    }

    #[test]
    fn the_same_quantity_of_two_instruments_gets_a_column_each() {
        let mut taken = Vec::new();
        for expected in ["temperature_c", "temperature_2_c", "temperature_3_c"] {
            let column = column_for("temperature_c", &taken);
            assert_eq!(column, expected);
            taken.push(column);
        }
        let long = "x".repeat(COLUMN_NAME_MAX);
        let second = column_for(&long, std::slice::from_ref(&long));
        assert!(second != long && is_quantity(&second), "{second}");
    }

    #[test]
    fn a_quantity_is_a_column_name() {
        assert!(is_quantity("temperature_2_c") && !is_quantity("") && !is_quantity("Voltage") && !is_quantity("a-b"));
        assert!(!is_quantity(&"x".repeat(COLUMN_NAME_MAX + 1)));
    }
}
