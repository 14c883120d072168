//! Batteries: what they are made of.

use serde::{Deserialize, Serialize};

/// The family a battery belongs to; it decides which fields and limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Technology {
    /// NMC, NCA, LMO, LFP, LCO, LTO, sodium ion.
    Lithium,
    /// Liquid, gel, AGM.
    LeadAcid,
    /// Redox-flow stack.
    RedoxStack,
    /// Not known yet.
    Generic,
}

impl Technology {
    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lithium => "lithium",
            Self::LeadAcid => "lead_acid",
            Self::RedoxStack => "redox_stack",
            Self::Generic => "generic",
        }
    }
}

impl Technology {
    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Lithium => "Lithium",
            Self::LeadAcid => "Lead-acid",
            Self::RedoxStack => "Redox stack",
            Self::Generic => "Not known",
        }
    }
}

impl std::str::FromStr for Technology {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Lithium, Self::LeadAcid, Self::RedoxStack, Self::Generic]
            .into_iter()
            .find(|one| one.as_str() == word)
            .ok_or_else(|| word.to_owned())
    }
}
