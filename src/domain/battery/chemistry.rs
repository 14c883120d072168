//! Chemistries and the limits that are usual for them.
//!
//! The limits are typical figures of manufacturers' data sheets for cells at room temperature: a start for the form, never a
//! substitute for the data sheet of the very cell.

use super::Technology;

/// What is usual for one cell of a chemistry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// Lowest voltage of a cell, V.
    pub cell_voltage_min_v: f64,
    /// Highest voltage of a cell, V.
    pub cell_voltage_max_v: f64,
    /// Largest charge current over the capacity, A/Ah.
    pub charge_c_rate: f64,
    /// Largest discharge current over the capacity, A/Ah; positive.
    pub discharge_c_rate: f64,
}

impl Usual {
    /// For what has nothing usual, where a program needs some limits.
    pub(super) const WIDE: Self = Self::new(0.0, 5.0, 1.0, 2.0);

    const fn new(cell_voltage_min_v: f64, cell_voltage_max_v: f64, charge_c_rate: f64, discharge_c_rate: f64) -> Self {
        Self { cell_voltage_min_v, cell_voltage_max_v, charge_c_rate, discharge_c_rate }
    }
}

/// A chemistry that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chemistry {
    /// The family it belongs to.
    pub technology: Technology,
    /// The word in the database and the API; unique within the family.
    pub word: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What is usual for it; nothing where cells differ too much.
    pub usual: Option<Usual>,
}

/// The chemistry of what is not known yet.
pub const UNKNOWN: &str = "unknown";

const fn known(technology: Technology, word: &'static str, title: &'static str, usual: Usual) -> Chemistry {
    Chemistry { technology, word, title, usual: Some(usual) }
}

const fn other(technology: Technology, word: &'static str, title: &'static str) -> Chemistry {
    Chemistry { technology, word, title, usual: None }
}

/// Every chemistry, by family, in the order they are offered.
pub const CHEMISTRIES: &[Chemistry] = &[
    known(Technology::Lithium, "NMC", "NMC", Usual::new(2.5, 4.2, 1.0, 2.0)),
    known(Technology::Lithium, "LFP", "LFP", Usual::new(2.0, 3.65, 1.0, 2.0)),
    known(Technology::Lithium, "NCA", "NCA", Usual::new(2.5, 4.2, 1.0, 2.0)),
    known(Technology::Lithium, "LMO", "LMO", Usual::new(2.5, 4.2, 1.0, 2.0)),
    known(Technology::Lithium, "LCO", "LCO", Usual::new(2.75, 4.2, 1.0, 2.0)),
    known(Technology::Lithium, "LTO", "LTO", Usual::new(1.5, 2.8, 2.0, 4.0)),
    known(Technology::Lithium, "Na-ion", "Sodium ion", Usual::new(1.5, 4.0, 1.0, 2.0)),
    other(Technology::Lithium, "other", "other"),
    known(Technology::LeadAcid, "liquid", "liquid", Usual::new(1.75, 2.45, 0.25, 1.0)),
    known(Technology::LeadAcid, "gel", "gel", Usual::new(1.75, 2.40, 0.2, 1.0)),
    known(Technology::LeadAcid, "AGM", "AGM", Usual::new(1.75, 2.45, 0.25, 1.0)),
    other(Technology::LeadAcid, "other", "other"),
    known(Technology::RedoxStack, "vanadium", "vanadium", Usual::new(0.8, 1.65, 1.0, 1.0)),
    other(Technology::RedoxStack, "other", "other"),
    other(Technology::Generic, UNKNOWN, "chemistry not known"),
];

impl Chemistry {
    /// The chemistry of a family's word; capitals and small letters are the same.
    #[must_use]
    pub fn find(technology: Technology, word: &str) -> Option<&'static Self> {
        CHEMISTRIES.iter().find(|one| one.technology == technology && one.word.eq_ignore_ascii_case(word))
    }

    /// Those of one family.
    pub fn of(technology: Technology) -> impl Iterator<Item = &'static Self> {
        CHEMISTRIES.iter().filter(move |one| one.technology == technology)
    }
}

/// Family and chemistry in words: `Lithium NMC`, `Lead-acid AGM`, `Lithium, other`, `Not known`.
#[must_use]
pub fn words(technology: Technology, chemistry: &str) -> String {
    let family = technology.title();
    match (technology, chemistry) {
        (Technology::Generic, _) | (_, "") => family.to_owned(),
        (_, "other") => format!("{family}, other"),
        (Technology::Lithium, "Na-ion") => "Sodium ion".to_owned(),
        // A word of before is shown as it is.
        _ => format!("{family} {}", Chemistry::find(technology, chemistry).map_or(chemistry, |one| one.title)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_limits_make_sense() {
        for chemistry in CHEMISTRIES {
            let Some(usual) = chemistry.usual else { continue };
            assert!(usual.cell_voltage_min_v < usual.cell_voltage_max_v, "{chemistry:?}");
            assert!(usual.charge_c_rate > 0.0 && usual.discharge_c_rate > 0.0, "{chemistry:?}");
        }
    }

    #[test]
    fn a_word_names_one_chemistry_of_its_family() {
        for chemistry in CHEMISTRIES {
            assert_eq!(Chemistry::find(chemistry.technology, chemistry.word), Some(chemistry));
        }
        assert_eq!(Chemistry::find(Technology::Lithium, "nmc").map(|one| one.word), Some("NMC"));
        assert_eq!(Chemistry::find(Technology::LeadAcid, "NMC"), None);
        assert_eq!(words(Technology::Lithium, "Na-ion"), "Sodium ion");
        assert_eq!(words(Technology::Lithium, "NMC 622"), "Lithium NMC 622");
        assert_eq!(words(Technology::Generic, UNKNOWN), "Not known");
    }
}
