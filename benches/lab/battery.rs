//! The battery that benchmarks measure.

use cellar::domain::battery::Technology;
use cellar::store::batteries::NewBattery;

/// A single cell of that name.
pub(crate) fn cell(name: &str) -> NewBattery {
    NewBattery::usual(name, Technology::Lithium, "NMC", 1, 5.0)
}
