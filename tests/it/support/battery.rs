//! The battery that tests measure.

use cellar::domain::battery::Technology;
use cellar::store::batteries::NewBattery;

/// Its name, where a test does not choose one.
pub(crate) const NAME: &str = "NMC-017";

/// A single cell of that name.
pub(crate) fn cell(name: &str) -> NewBattery {
    NewBattery {
        name: name.to_owned(),
        technology: Technology::Lithium,
        chemistry: "NMC".to_owned(),
        cells_series: 1,
        voltage_min_v: 2.5,
        voltage_max_v: 4.2,
        capacity_ah: 5.0,
    }
}
