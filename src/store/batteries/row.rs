//! A stored battery, and how it is read from a row.

use std::ops::Deref;

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use crate::domain::battery::BatteryFacts;
use crate::domain::ids::BatteryId;

/// A stored battery. It reads like what was entered of it: `battery.name`, `battery.limits()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Battery {
    /// Key.
    pub battery_id: BatteryId,
    /// What was entered.
    pub facts: BatteryFacts,
    /// When it was stored, µs UTC.
    pub created_at_us: i64,
    /// When it was last changed, µs UTC; 0 for rows of before.
    pub updated_at_us: i64,
    /// When it was retired, µs UTC.
    pub retired_at_us: Option<i64>,
    /// Grows with each change: two people who edit at once are told.
    pub version: i64,
}

impl Deref for Battery {
    type Target = BatteryFacts;

    fn deref(&self) -> &BatteryFacts {
        &self.facts
    }
}

impl<'row, R: Row> FromRow<'row, R> for Battery
where
    for<'name> &'name str: ColumnIndex<R>,
    String: Type<R::Database> + Decode<'row, R::Database>,
    i64: Type<R::Database> + Decode<'row, R::Database>,
    f64: Type<R::Database> + Decode<'row, R::Database>,
    Option<i64>: Type<R::Database> + Decode<'row, R::Database>,
    Option<f64>: Type<R::Database> + Decode<'row, R::Database>,
{
    fn from_row(row: &'row R) -> Result<Self, sqlx::Error> {
        let text = |name: &'static str| row.try_get::<String, _>(name);
        let number = |name: &'static str| row.try_get::<f64, _>(name);
        let amount = |name: &'static str| row.try_get::<Option<f64>, _>(name);
        let count = |name: &'static str| {
            let count: i64 = row.try_get(name)?;
            u32::try_from(count).map_err(|error| unreadable(name, error))
        };
        let facts = BatteryFacts {
            name: text("name")?,
            manufacturer: text("manufacturer")?,
            model: text("model")?,
            serial: text("serial")?,
            technology: text("technology")?.parse().map_err(|error| unreadable("technology", error))?,
            chemistry: text("chemistry")?,
            kind: text("kind")?.parse().map_err(|error| unreadable("kind", error))?,
            format: text("format")?.parse().map_err(|error| unreadable("format", error))?,
            cells_series: count("cells_series")?,
            cells_parallel: count("cells_parallel")?,
            capacity_ah: number("capacity_ah")?,
            voltage_min_v: number("voltage_min_v")?,
            voltage_max_v: number("voltage_max_v")?,
            current_min_a: number("current_min_a")?,
            current_max_a: number("current_max_a")?,
            cell_voltage_min_v: number("cell_voltage_min_v")?,
            cell_voltage_max_v: number("cell_voltage_max_v")?,
            mass_kg: amount("mass_kg")?,
            active_mass_kg: amount("active_mass_kg")?,
            area_m2: amount("area_m2")?,
            electrode_size_m2: amount("electrode_size_m2")?,
            electrode_composition: text("electrode_composition")?,
            bipolar: text("bipolar")?,
            membrane: text("membrane")?,
            electrolyte: text("electrolyte")?,
            owner: text("owner")?,
            location: text("location")?,
            made_on: text("made_on")?,
            bought_on: text("bought_on")?,
            description: text("description")?,
        };
        Ok(Self {
            battery_id: BatteryId(row.try_get("battery_id")?),
            facts,
            created_at_us: row.try_get("created_at_us")?,
            updated_at_us: row.try_get("updated_at_us")?,
            retired_at_us: row.try_get("retired_at_us")?,
            version: row.try_get("version")?,
        })
    }
}

fn unreadable(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) }
}
