//! Batteries: what they are made of, and what may be done to them.

pub mod chemistry;
mod draft;
pub mod photo;

pub use draft::{Draft, Misfit};

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::number::rounded;

/// Longest name, in characters; also of a maker, a model, a serial number and the like.
pub const NAME_MAX: usize = 80;
/// Longest description, in characters: a page of text.
pub const DESCRIPTION_MAX: usize = 2_000;

/// A word of a list that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{word}” is not {what}")]
pub struct UnknownWord {
    what: &'static str,
    word: String,
}

/// An enumeration with a word for the database and the API, and one for people.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal; $($(#[$variant_doc:meta])* $variant:ident = $word:literal, $title:literal;)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in the order they are offered.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word used in the database and the API.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What people call it.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let known = Self::ALL.iter().copied().find(|one| one.as_str() == word);
                known.ok_or_else(|| UnknownWord { what: $what, word: word.chars().take(NAME_MAX).collect() })
            }
        }

        impl TryFrom<String> for $name {
            type Error = UnknownWord;

            fn try_from(word: String) -> Result<Self, UnknownWord> {
                word.parse()
            }
        }
    };
}

words! {
    /// The family a battery belongs to; it decides which fields and limits apply.
    Technology, "a technology";
    /// NMC, NCA, LMO, LFP, LCO, LTO, sodium ion.
    Lithium = "lithium", "Lithium";
    /// Liquid, gel, AGM.
    LeadAcid = "lead_acid", "Lead-acid";
    /// Redox-flow stack.
    RedoxStack = "redox_stack", "Redox stack";
    /// Not known yet.
    Generic = "generic", "Not known";
}

words! {
    /// Whether a battery is one cell or several.
    Kind, "a kind of battery";
    /// One cell.
    Cell = "cell", "Single cell";
    /// Cells in series, in parallel, or both.
    Pack = "pack", "Pack of cells";
}

words! {
    /// How a battery is built.
    Format, "a format";
    /// Nobody said.
    Unsaid = "", "Not said";
    /// For example 18650, 21700.
    Cylindrical = "cylindrical", "Cylindrical";
    /// In a hard case.
    Prismatic = "prismatic", "Prismatic";
    /// In foil.
    Pouch = "pouch", "Pouch";
    /// For example CR2032.
    Coin = "coin", "Coin";
    /// Cells pressed together, as in a redox stack.
    Stack = "stack", "Stack";
    /// Several cells with their case.
    Pack = "pack", "Pack";
    /// Anything else.
    Other = "other", "Other";
}

/// Everything that is entered of a battery. Empty text and `None` mean: not said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatteryFacts {
    /// Unique.
    pub name: String,
    /// Who made it.
    pub manufacturer: String,
    /// What its maker calls it.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Family.
    pub technology: Technology,
    /// Word of [`chemistry::Chemistry`]: `NMC`, `AGM`, `unknown`.
    pub chemistry: String,
    /// One cell or several.
    pub kind: Kind,
    /// How it is built.
    pub format: Format,
    /// Cells in series.
    pub cells_series: u32,
    /// Rows of them in parallel.
    pub cells_parallel: u32,
    /// Nominal capacity, Ah.
    pub capacity_ah: f64,
    /// Lowest allowed voltage of the battery, V.
    pub voltage_min_v: f64,
    /// Highest allowed voltage of the battery, V.
    pub voltage_max_v: f64,
    /// Largest discharge current, A; zero or negative.
    pub current_min_a: f64,
    /// Largest charge current, A; zero or positive.
    pub current_max_a: f64,
    /// Lowest allowed voltage of each cell, V.
    pub cell_voltage_min_v: f64,
    /// Highest allowed voltage of each cell, V.
    pub cell_voltage_max_v: f64,
    /// Mass, kg.
    pub mass_kg: Option<f64>,
    /// Mass of the active material, kg.
    pub active_mass_kg: Option<f64>,
    /// Area of the electrodes, m².
    pub area_m2: Option<f64>,
    /// Redox stack: size of an electrode, m².
    pub electrode_size_m2: Option<f64>,
    /// Redox stack: what the electrodes are made of.
    pub electrode_composition: String,
    /// Redox stack: type of the bipolar plates.
    pub bipolar: String,
    /// Redox stack: type of the membrane.
    pub membrane: String,
    /// Redox stack: type of the electrolyte.
    pub electrolyte: String,
    /// Whose it is.
    pub owner: String,
    /// Where it is kept.
    pub location: String,
    /// Day it was made, ISO.
    pub made_on: String,
    /// Day it was bought, ISO.
    pub bought_on: String,
    /// Notes, line breaks kept.
    pub description: String,
}

impl BatteryFacts {
    /// A battery of a known chemistry with the limits that are usual for it, or 0 to 5 V per cell where nothing is usual.
    #[must_use]
    pub fn usual(name: &str, technology: Technology, chemistry: &str, cells_series: u32, capacity_ah: f64) -> Self {
        let found = chemistry::Chemistry::find(technology, chemistry);
        let usual = found.and_then(|chemistry| chemistry.usual).unwrap_or(chemistry::Usual::WIDE);
        let cells = f64::from(cells_series);
        Self {
            name: name.to_owned(),
            manufacturer: String::new(),
            model: String::new(),
            serial: String::new(),
            technology,
            chemistry: chemistry.to_owned(),
            kind: if cells_series > 1 { Kind::Pack } else { Kind::Cell },
            format: Format::Unsaid,
            cells_series,
            cells_parallel: 1,
            capacity_ah,
            voltage_min_v: rounded(usual.cell_voltage_min_v * cells),
            voltage_max_v: rounded(usual.cell_voltage_max_v * cells),
            current_min_a: rounded(-usual.discharge_c_rate * capacity_ah),
            current_max_a: rounded(usual.charge_c_rate * capacity_ah),
            cell_voltage_min_v: usual.cell_voltage_min_v,
            cell_voltage_max_v: usual.cell_voltage_max_v,
            mass_kg: None,
            active_mass_kg: None,
            area_m2: None,
            electrode_size_m2: None,
            electrode_composition: String::new(),
            bipolar: String::new(),
            membrane: String::new(),
            electrolyte: String::new(),
            owner: String::new(),
            location: String::new(),
            made_on: String::new(),
            bought_on: String::new(),
            description: String::new(),
        }
    }

    /// What may be applied to it.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            voltage_min_v: self.voltage_min_v,
            voltage_max_v: self.voltage_max_v,
            current_min_a: self.current_min_a,
            current_max_a: self.current_max_a,
        }
    }

    /// Places for cells: one for each cell in series and parallel.
    #[must_use]
    pub fn places(&self) -> u32 {
        self.cells_series.saturating_mul(self.cells_parallel)
    }

    /// Technology and chemistry in words: `Lithium NMC`, `Lead-acid AGM`, `Not known`.
    #[must_use]
    pub fn chemistry_words(&self) -> String {
        chemistry::words(self.technology, &self.chemistry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for technology in Technology::ALL {
            assert_eq!(technology.as_str().parse::<Technology>(), Ok(*technology));
            assert_eq!(serde_json::to_value(technology).unwrap(), technology.as_str());
        }
        assert_eq!("pouch".parse(), Ok(Format::Pouch));
        assert_eq!("lead".parse::<Technology>().unwrap_err().to_string(), "“lead” is not a technology");
    }

    #[test]
    fn usual_limits_grow_with_cells_and_capacity() {
        let block = BatteryFacts::usual("B1", Technology::LeadAcid, "AGM", 6, 60.0);
        let limits = block.limits();
        assert_eq!((limits.voltage_min_v, limits.voltage_max_v), (10.5, 14.7));
        assert_eq!((limits.current_min_a, limits.current_max_a), (-60.0, 15.0));
        assert_eq!((block.kind, block.places()), (Kind::Pack, 6));
        assert_eq!(block.chemistry_words(), "Lead-acid AGM");
    }
}
