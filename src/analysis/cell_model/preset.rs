//! Batteries the simulated lab is stocked with.
//!
//! Capacity, voltage window and equilibrium curve belong to the published cell named; resistances, capacitances, heat and
//! fade are round numbers from the ranges found in data sheets and model papers for cells of that size (series resistance
//! of the LG M50: 25.7 mΩ from a 1 s current step of its published parameter set), not measurements of one specimen.

use super::cell::CellParameters;
use super::ocv::Chemistry;
use crate::domain::battery::Technology;

/// A battery by its trade name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// 21700 cylindrical cell, NMC811 against graphite-silicon, 5 Ah (LG M50).
    Nmc21700,
    /// Pouch cell of a traction battery, nickel-rich, 33 Ah.
    NmcPouch,
    /// 26650 cylindrical cell, iron phosphate, 2.3 Ah (A123).
    Lfp26650,
    /// Lead-acid block of six cells, 12 V, 60 Ah.
    LeadAcid12V,
}

impl Preset {
    /// Every preset, in the order simulated labs use them.
    pub const ALL: [Self; 4] = [Self::Nmc21700, Self::Lfp26650, Self::NmcPouch, Self::LeadAcid12V];

    /// Family and chemistry as they stand in the list of batteries.
    #[must_use]
    pub fn family(self) -> (Technology, &'static str) {
        match self {
            Self::Nmc21700 | Self::NmcPouch => (Technology::Lithium, "NMC"),
            Self::Lfp26650 => (Technology::Lithium, "LFP"),
            Self::LeadAcid12V => (Technology::LeadAcid, "AGM"),
        }
    }

    /// Its parameters when new.
    #[must_use]
    pub fn parameters(self) -> CellParameters {
        match self {
            Self::Nmc21700 => CellParameters {
                chemistry: Chemistry::Nmc811,
                cells_series: 1,
                capacity_ah: 5.0,
                r0_ohm: 0.0257,
                r1_ohm: 0.012,
                c1_f: 2_500.0,
                r2_ohm: 0.020,
                c2_f: 10_000.0,
                charge_end_ohm: 0.0,
                charge_end_width: 1.0,
                coulombic_efficiency: 0.9995,
                heat_capacity_j_per_k: 65.0,
                convection_w_per_k: 0.07,
                fade_per_cycle: 4e-4,
                resistance_growth_per_cycle: 6e-4,
                voltage_min_v: 2.5,
                voltage_max_v: 4.2,
            },
            Self::NmcPouch => CellParameters {
                capacity_ah: 33.0,
                r0_ohm: 0.0020,
                r1_ohm: 0.0010,
                c1_f: 20_000.0,
                r2_ohm: 0.0015,
                c2_f: 260_000.0,
                heat_capacity_j_per_k: 800.0,
                convection_w_per_k: 0.6,
                fade_per_cycle: 2e-4,
                resistance_growth_per_cycle: 3e-4,
                ..Self::Nmc21700.parameters()
            },
            Self::Lfp26650 => CellParameters {
                chemistry: Chemistry::Lfp,
                capacity_ah: 2.3,
                r0_ohm: 0.010,
                r1_ohm: 0.008,
                c1_f: 3_000.0,
                r2_ohm: 0.012,
                c2_f: 25_000.0,
                heat_capacity_j_per_k: 76.0,
                convection_w_per_k: 0.08,
                fade_per_cycle: 1e-4,
                resistance_growth_per_cycle: 1e-4,
                voltage_min_v: 2.0,
                voltage_max_v: 3.6,
                ..Self::Nmc21700.parameters()
            },
            Self::LeadAcid12V => CellParameters {
                chemistry: Chemistry::LeadAcid,
                cells_series: 6,
                capacity_ah: 60.0,
                r0_ohm: 0.005,
                r1_ohm: 0.005,
                c1_f: 12_000.0,
                r2_ohm: 0.010,
                c2_f: 150_000.0,
                charge_end_ohm: 0.3,
                charge_end_width: 0.03,
                coulombic_efficiency: 0.92,
                heat_capacity_j_per_k: 15_000.0,
                convection_w_per_k: 2.0,
                fade_per_cycle: 1e-3,
                resistance_growth_per_cycle: 2e-3,
                voltage_min_v: 10.5,
                voltage_max_v: 14.4,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cell_model::cell::Cell;

    #[test]
    fn every_preset_rests_inside_its_voltage_window() {
        for preset in Preset::ALL {
            for soc in [0.0, 0.5, 1.0] {
                let cell = Cell::new(preset.parameters(), soc, 25.0);
                let parameters = cell.parameters();
                let rest_v = cell.voltage_v(0.0);
                assert!((parameters.voltage_min_v..=parameters.voltage_max_v).contains(&rest_v), "{preset:?} {rest_v}");
            }
        }
    }

    #[test]
    fn a_lead_acid_block_reaches_its_charging_voltage_only_when_full() {
        let mut cell = Cell::new(Preset::LeadAcid12V.parameters(), 0.5, 25.0);
        let mut soc_at_limit = None;
        for _ in 0..20_000 {
            cell.advance(6.0, 5.0);
            if cell.voltage_v(6.0) >= 14.4 {
                soc_at_limit = Some(cell.soc());
                break;
            }
        }
        let soc = soc_at_limit.expect("6 A must drive a full block to 14.4 V");
        assert!((0.95..1.05).contains(&soc), "{soc}");
    }
}
