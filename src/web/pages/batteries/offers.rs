//! What the form of a battery offers to choose from.

use super::form::Typed;
use crate::domain::battery::chemistry::{CHEMISTRIES, Chemistry};
use crate::domain::battery::{Format, Kind, Technology};
use crate::domain::number::plain;
use crate::web::forms::Problems;
use crate::web::{State, WebError};

/// The form as a page shows it.
#[derive(Debug, Default)]
pub struct Form {
    /// What is typed.
    pub typed: Typed,
    /// What is wrong with it.
    pub problems: Problems,
    /// Makers entered before.
    pub makers: Vec<String>,
    /// Models entered before.
    pub models: Vec<String>,
}

impl Form {
    /// A form with what was entered of batteries before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn new(state: &State, typed: Typed, problems: Problems) -> Result<Self, WebError> {
        let (makers, models) = state.store.battery_makers_and_models().await?;
        Ok(Self { typed, problems, makers, models })
    }

    /// Families with their chemistries, as the field offers them.
    #[must_use]
    pub fn families(&self) -> Vec<(&'static str, Vec<Offer>)> {
        let offers = |technology: Technology| {
            let of = |one: &'static Chemistry| {
                let value = format!("{}/{}", technology.as_str(), one.word);
                Offer { is_picked: value == self.typed.chemistry, value, chemistry: one }
            };
            Chemistry::of(technology).map(of).collect()
        };
        Technology::ALL.iter().map(|technology| (technology.title(), offers(*technology))).collect()
    }

    /// Chemistries with limits of their own.
    #[must_use]
    pub fn usual(&self) -> Vec<Offer> {
        let with_limits = CHEMISTRIES.iter().filter(|one| one.usual.is_some());
        let offer = |one: &'static Chemistry| {
            let value = format!("{}/{}", one.technology.as_str(), one.word);
            Offer { is_picked: value == self.typed.chemistry, value, chemistry: one }
        };
        with_limits.map(offer).collect()
    }

    /// The kinds.
    #[must_use]
    pub fn kinds(&self) -> &'static [Kind] {
        Kind::ALL
    }

    /// The formats.
    #[must_use]
    pub fn formats(&self) -> &'static [Format] {
        Format::ALL
    }
}

/// A chemistry as the form offers it.
#[derive(Debug)]
pub struct Offer {
    /// The value of the field.
    pub value: String,
    /// Whether it is chosen.
    pub is_picked: bool,
    /// What it is.
    pub chemistry: &'static Chemistry,
}

impl Offer {
    /// `NMC`, `Lead-acid AGM`: with its family where the list has several.
    #[must_use]
    pub fn name(&self) -> String {
        match self.chemistry.technology {
            Technology::Lithium => self.chemistry.title.to_owned(),
            technology => format!("{} {}", technology.title(), self.chemistry.title),
        }
    }

    /// A figure as the table shows it: lowest and highest voltage of a cell, charge and discharge rate.
    #[must_use]
    pub fn figures(&self) -> [String; 4] {
        let Some(usual) = self.chemistry.usual else { return Default::default() };
        [usual.cell_voltage_min_v, usual.cell_voltage_max_v, usual.charge_c_rate, usual.discharge_c_rate].map(plain)
    }
}
