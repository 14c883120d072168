//! What can be drawn of a series: every measured column, under the name and in the unit people gave it.

use serde::Serialize;

use super::numbers::{Reading, quantities};
use crate::domain::measure;
use crate::store::monitor::MeasureLine;

/// Columns that say where a row belongs and how good it is; nothing to look at as a line.
const NO_QUANTITIES: [&str; 3] = ["step", "cycle", "quality"];

/// A column as a chart shows it; `static/js/quantities.js` reads it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantity {
    /// Name of the column.
    pub column: String,
    /// What people call it.
    pub name: String,
    /// Unit in which it is shown; may be empty.
    pub unit: String,
    /// Factor from the stored to the shown value.
    pub scale: f64,
    /// Added afterwards, in the shown unit.
    pub offset: f64,
    /// Digits after the point, where the unit is not the usual one.
    pub decimals: Option<usize>,
}

impl Quantity {
    fn of(column: &str, measures: &[MeasureLine]) -> Self {
        let given = measures.iter().find(|measure| measure.column == column);
        let reading = match given {
            Some(measure) => Some(Reading::of_measure(measure, None)),
            None => Reading::of(column, None),
        };
        match reading {
            // Stored as a fraction, shown in per cent.
            Some(reading) if column == "soc" && given.is_none() => {
                Self { scale: 100.0, decimals: Some(1), ..Self::from(reading) }
            }
            Some(reading) => Self::from(reading),
            None => Self {
                column: column.to_owned(),
                name: measure::title(column),
                unit: measure::stored_unit(column).to_owned(),
                scale: 1.0,
                offset: 0.0,
                decimals: None,
            },
        }
    }

    /// The quantities among these columns: what people named first, in their order, then what is known, then the rest.
    #[must_use]
    pub fn among<'a>(columns: impl Iterator<Item = &'a str>, measures: &[MeasureLine]) -> Vec<Self> {
        let place = |column: &str| {
            let named = measures.iter().position(|measure| measure.column == column);
            let known = quantities().position(|known| known == column);
            (named.unwrap_or(usize::MAX), known.unwrap_or(usize::MAX))
        };
        let mut found: Vec<&str> = columns.filter(|column| !NO_QUANTITIES.contains(column)).collect();
        found.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
        found.into_iter().map(|column| Self::of(column, measures)).collect()
    }

    /// Quantities as a page hands them to its script.
    #[must_use]
    pub fn to_json(quantities: &[Self]) -> String {
        serde_json::to_string(quantities).unwrap_or_else(|_| "[]".to_owned())
    }
}

impl From<Reading> for Quantity {
    fn from(reading: Reading) -> Self {
        let Reading { column, name, unit, shown, decimals, .. } = reading;
        Self { column, name, unit, scale: shown.scale, offset: shown.offset, decimals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measured_column_can_be_drawn_the_named_ones_first() {
        let measures = [MeasureLine { column: "cell_3_voltage_v".into(), name: "Rim".into(), unit: "mV".into() }];
        let columns = ["cell_3_voltage_v", "cycle", "pressure_bar", "soc", "step", "voltage_v"];
        let found = Quantity::among(columns.into_iter(), &measures);
        let short: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.unit.as_str(), one.scale)).collect();
        let expected =
            [("Rim", "mV", 1e3), ("Voltage", "V", 1.0), ("State of charge", "%", 100.0), ("Pressure", "bar", 1.0)];
        assert_eq!(short, expected);
        assert!(Quantity::to_json(&found).contains("\"decimals\":0"));
    }
}
