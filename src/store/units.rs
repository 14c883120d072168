//! Units: the devices that drive stations, with what they drive.

use super::devices::read_id;
use super::sql::{on_read, statements};
use super::{Store, StoreError};
use crate::domain::ids::DeviceId;

statements! {
    ALL = "
        SELECT d.device_id, d.disabled, d.model, d.firmware, d.serial, d.seen_at_us,
            (SELECT COUNT(*) FROM instrument i WHERE i.device_id = d.device_id AND i.absent_at_us IS NULL) AS instruments,
            (SELECT COUNT(*) FROM station st WHERE st.device_id = d.device_id AND st.retired_at_us IS NULL) AS stations
        FROM device d
        WHERE d.kind = 'unit'
        ORDER BY d.device_id
        LIMIT ?";
}

/// Most units read: a hall has a few dozen.
pub const UNITS_MAX: i64 = 1_000;

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// What it logs in as.
    pub device: DeviceId,
    /// Whether it is shut out.
    pub disabled: bool,
    /// What it said of itself at its last hello; empty before the first.
    pub model: String,
    /// Its firmware, likewise.
    pub firmware: String,
    /// Its serial number, likewise.
    pub serial: String,
    /// When it was last heard, µs UTC.
    pub seen_at_us: Option<i64>,
    /// Instruments that are there.
    pub instruments: i64,
    /// Live stations it drives.
    pub stations: i64,
}

#[derive(sqlx::FromRow)]
struct UnitRow {
    device_id: String,
    disabled: bool,
    model: String,
    firmware: String,
    serial: String,
    seen_at_us: Option<i64>,
    instruments: i64,
    stations: i64,
}

impl Store {
    /// Every unit by id; at most [`UNITS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn units(&self) -> Result<Vec<Unit>, StoreError> {
        let rows: Vec<UnitRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ALL.text(dialect)).bind(UNITS_MAX).fetch_all(pool).await?
        });
        let unit = |row: UnitRow| {
            Ok(Unit {
                device: read_id(&row.device_id)?,
                disabled: row.disabled,
                model: row.model,
                firmware: row.firmware,
                serial: row.serial,
                seen_at_us: row.seen_at_us,
                instruments: row.instruments,
                stations: row.stations,
            })
        };
        rows.into_iter().map(unit).collect()
    }
}
