//! Batteries.

use super::sql::{InsertedId, on_read, on_write, statements};
use super::{Store, StoreError};
use crate::domain::battery::Technology;
use crate::domain::ids::BatteryId;

statements! {
    INSERT = "
        INSERT INTO battery
            (name, technology, chemistry, cells_series, voltage_min_v, voltage_max_v, capacity_ah, created_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    BY_NAME = "
        SELECT battery_id
        FROM battery
        WHERE name = ?";
}

/// A battery to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBattery {
    /// Unique.
    pub name: String,
    /// Family.
    pub technology: Technology,
    /// For example `NMC`, `LFP`, `AGM`.
    pub chemistry: String,
    /// Cells in series.
    pub cells_series: u32,
    /// Lowest allowed voltage of the battery, V.
    pub voltage_min_v: f64,
    /// Highest allowed voltage of the battery, V.
    pub voltage_max_v: f64,
    /// Nominal capacity, Ah.
    pub capacity_ah: f64,
}

impl Store {
    /// Stores a battery.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn add_battery(&self, battery: &NewBattery, now_us: i64) -> Result<BatteryId, StoreError> {
        let done = on_write!(&self.db, pool, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(&battery.name)
                .bind(battery.technology.as_str())
                .bind(&battery.chemistry)
                .bind(i64::from(battery.cells_series))
                .bind(battery.voltage_min_v)
                .bind(battery.voltage_max_v)
                .bind(battery.capacity_ah)
                .bind(now_us)
                .execute(pool)
                .await
                .map(|done| done.inserted_id())
        });
        done.map(BatteryId).map_err(|error| StoreError::or_duplicate(error, "A battery named", &battery.name))
    }

    /// The battery of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn battery_named(&self, name: &str) -> Result<Option<BatteryId>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_NAME.text(dialect)).bind(name).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| BatteryId(id)))
    }
}
