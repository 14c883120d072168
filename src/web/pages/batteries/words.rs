//! How quantities of batteries read.

use crate::domain::battery::{BatteryFacts, Kind};
use crate::domain::number::plain;
use crate::web::pages::monitor::numbers::value_text;

/// Below it three decimals of an ampere say too little, A.
const SMALL_A: f64 = 0.01;

/// A voltage without its unit: `2.500`, `58.80`.
#[must_use]
pub fn volts(volts: f64) -> String {
    value_text("voltage_v", volts)
}

/// A current with its sign, without its unit: `+4.800`, `−9.600`.
#[must_use]
pub fn amperes(amperes: f64) -> String {
    if amperes == 0.0 || amperes.abs() >= SMALL_A {
        return value_text("current_a", amperes);
    }
    let sign = if amperes > 0.0 { "+" } else { "" };
    format!("{sign}{}", plain(amperes))
}

/// `2.500 to 4.200 V`.
#[must_use]
pub fn voltage_range(min_v: f64, max_v: f64) -> String {
    format!("{} to {} V", volts(min_v), volts(max_v))
}

/// `−9.600 to +4.800 A`.
#[must_use]
pub fn current_range(min_a: f64, max_a: f64) -> String {
    format!("{} to {} A", amperes(min_a), amperes(max_a))
}

/// `Single cell`, `14 cells in series`, `56 cells: 14 in series, 4 in parallel`.
#[must_use]
pub fn cells(facts: &BatteryFacts) -> String {
    match (facts.kind, facts.cells_series, facts.cells_parallel) {
        (Kind::Cell, ..) => "Single cell".to_owned(),
        (Kind::Pack, 1, 1) => "Pack of 1 cell".to_owned(),
        (Kind::Pack, series, 1) => format!("{series} cells in series"),
        (Kind::Pack, 1, parallel) => format!("{parallel} cells in parallel"),
        (Kind::Pack, series, parallel) => {
            format!("{} cells: {series} in series, {parallel} in parallel", facts.places())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::battery::Technology;

    #[test]
    fn limits_read_with_sign_and_unit() {
        assert_eq!(voltage_range(2.5, 4.2), "2.500 to 4.200 V");
        assert_eq!(current_range(-9.6, 4.8), "−9.600 to +4.800 A");
        assert_eq!(current_range(-0.00025, 0.0), "−0.00025 to 0.000 A");
        assert_eq!(current_range(0.0, 0.005), "0.000 to +0.005 A");
    }

    #[test]
    fn a_pack_says_how_its_cells_are_connected() {
        let pack = |series, parallel| BatteryFacts {
            cells_parallel: parallel,
            kind: Kind::Pack,
            ..BatteryFacts::usual("P", Technology::Lithium, "NMC", series, 5.0)
        };
        assert_eq!(cells(&pack(14, 4)), "56 cells: 14 in series, 4 in parallel");
        assert_eq!(cells(&pack(14, 1)), "14 cells in series");
        assert_eq!(cells(&pack(1, 4)), "4 cells in parallel");
        assert_eq!(cells(&BatteryFacts::usual("C", Technology::Lithium, "NMC", 1, 5.0)), "Single cell");
    }
}
