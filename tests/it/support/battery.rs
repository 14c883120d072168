//! The battery that tests measure.

use cellar::domain::battery::Technology;
use cellar::store::batteries::NewBattery;

/// Its name, where a test does not choose one.
pub(crate) const NAME: &str = "NMC-017";

/// A single cell of that name.
pub(crate) fn cell(name: &str) -> NewBattery {
    NewBattery::usual(name, Technology::Lithium, "NMC", 1, 5.0)
}
