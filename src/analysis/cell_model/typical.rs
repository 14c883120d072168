//! A battery of which only the plate is known: the preset of its family, scaled to its size.

use super::cell::CellParameters;
use super::preset::Preset;
use crate::domain::limits::Limits;

/// Which preset stands for a battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Lithium with a layered oxide: NMC, NCA, LCO, LMO.
    Nmc,
    /// Lithium iron phosphate.
    Lfp,
    /// Lead-acid.
    LeadAcid,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 3] = [Self::Nmc, Self::Lfp, Self::LeadAcid];

    /// The word in an address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nmc => "nmc",
            Self::Lfp => "lfp",
            Self::LeadAcid => "lead_acid",
        }
    }

    /// The family of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == word)
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Nmc => "Lithium, NMC",
            Self::Lfp => "Lithium, LFP",
            Self::LeadAcid => "Lead-acid, 12 V",
        }
    }

    fn preset(self) -> Preset {
        match self {
            Self::Nmc => Preset::Nmc21700,
            Self::Lfp => Preset::Lfp26650,
            Self::LeadAcid => Preset::LeadAcid12V,
        }
    }

    /// Cells in series of the preset: a block of lead-acid has six.
    #[must_use]
    pub fn cells_series(self) -> u32 {
        self.preset().parameters().cells_series
    }
}

/// The preset scaled to a capacity and a number of cells: resistance falls with the capacity and rises with the cells,
/// capacitances the other way round, heat capacity with the mass, and what the air takes away with the surface.
///
/// `limits` is the voltage window; `None` keeps that of the preset, scaled to the cells.
#[must_use]
pub fn parameters(family: Family, cells_series: u32, capacity_ah: f64, limits: Option<&Limits>) -> CellParameters {
    let plate = family.preset().parameters();
    let size = capacity_ah / plate.capacity_ah;
    let cells = f64::from(cells_series) / f64::from(plate.cells_series);
    let resistance = cells / size;
    CellParameters {
        cells_series,
        capacity_ah,
        r0_ohm: plate.r0_ohm * resistance,
        r1_ohm: plate.r1_ohm * resistance,
        r2_ohm: plate.r2_ohm * resistance,
        charge_end_ohm: plate.charge_end_ohm * resistance,
        c1_f: plate.c1_f / resistance,
        c2_f: plate.c2_f / resistance,
        heat_capacity_j_per_k: plate.heat_capacity_j_per_k * size * cells,
        convection_w_per_k: plate.convection_w_per_k * (size * cells).powf(2.0 / 3.0),
        voltage_min_v: limits.map_or(plate.voltage_min_v * cells, |limits| limits.voltage_min_v),
        voltage_max_v: limits.map_or(plate.voltage_max_v * cells, |limits| limits.voltage_max_v),
        ..plate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_battery_of_twice_the_charge_has_half_the_resistance() {
        let one = parameters(Family::Nmc, 1, 5.0, None);
        assert_eq!(one, Preset::Nmc21700.parameters());
        let two = parameters(Family::Nmc, 1, 10.0, None);
        assert!((two.r0_ohm - one.r0_ohm / 2.0).abs() < 1e-12);
        // The time constants stay.
        assert!((two.r1_ohm * two.c1_f - one.r1_ohm * one.c1_f).abs() < 1e-9);
        let pack = parameters(Family::Lfp, 4, 2.3, None);
        assert_eq!((pack.voltage_min_v, pack.voltage_max_v), (8.0, 14.4));
    }
}
