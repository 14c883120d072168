//! The form of a cell.

use serde::Deserialize;

use crate::domain::battery::Technology;
use crate::domain::battery::chemistry::Chemistry;
use crate::domain::cell::CellFacts;
use crate::domain::number::{BadNumber, plain, typed};
use crate::store::cells::Cell;
use crate::web::forms::Problems;
use crate::web::pages::batteries::offers::Offer;

/// What is typed; everything stays as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of CellFacts")]
pub struct Typed {
    pub name: String,
    pub serial: String,
    /// `lithium/NMC`: family and word.
    pub chemistry: String,
    pub manufacturer: String,
    pub model: String,
    pub capacity_ah: String,
    pub description: String,
    /// Version of the cell the form was made of.
    pub version: i64,
    /// Mark of this showing of the form.
    pub once: String,
}

/// The fields in the order of the form.
const FIELDS: [&str; 7] = ["name", "chemistry", "serial", "manufacturer", "model", "capacity_ah", "description"];

impl Typed {
    /// A form filled in with what is stored.
    #[must_use]
    pub fn of(cell: &Cell) -> Self {
        let facts = &cell.facts;
        Self {
            name: facts.name.clone(),
            serial: facts.serial.clone(),
            chemistry: format!("{}/{}", facts.technology.as_str(), facts.chemistry),
            manufacturer: facts.manufacturer.clone(),
            model: facts.model.clone(),
            capacity_ah: facts.capacity_ah.map_or_else(String::new, plain),
            description: facts.description.clone(),
            version: cell.version,
            once: String::new(),
        }
    }

    /// The cell, or what is wrong; `before` is what is stored of it.
    ///
    /// # Errors
    /// At least one problem, in the order of the fields.
    pub fn check(&self, before: Option<&CellFacts>) -> Result<CellFacts, Problems> {
        let mut found = Vec::new();
        let capacity_ah = match typed(&self.capacity_ah) {
            Ok(value) => Some(value),
            Err(BadNumber::Empty) => None,
            Err(error) => {
                found.push(("capacity_ah", error.to_string()));
                None
            }
        };
        let (technology, chemistry) = self.chemistry.split_once('/').unwrap_or_default();
        let facts = CellFacts {
            name: self.name.clone(),
            serial: self.serial.clone(),
            // A family nobody knows has no chemistry either: that is the problem told.
            technology: technology.parse().unwrap_or(Technology::Generic),
            chemistry: chemistry.to_owned(),
            manufacturer: self.manufacturer.clone(),
            model: self.model.clone(),
            capacity_ah,
            description: self.description.clone(),
        };
        let checked = facts.check(before);
        if let Err(misfits) = &checked {
            found.extend(misfits.iter().map(|misfit| (misfit.field, misfit.message.clone())));
        }
        match checked {
            Ok(facts) if found.is_empty() => Ok(facts),
            _ => {
                found.sort_by_key(|(field, _)| FIELDS.iter().position(|known| known == field));
                let mut problems = Problems::default();
                for (field, message) in found {
                    problems.add(field, message);
                }
                Err(problems)
            }
        }
    }
}

/// The form as a page shows it.
#[derive(Debug)]
pub struct Form {
    /// What is typed.
    pub typed: Typed,
    /// What is wrong with it.
    pub problems: Problems,
}

impl Form {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_a_cell_or_problems_in_order() {
        let text = str::to_owned;
        let form =
            Typed { name: text("C1"), chemistry: text("lithium/LFP"), capacity_ah: text("2,3"), ..Typed::default() };
        let facts = form.check(None).unwrap();
        assert_eq!((facts.capacity_ah, facts.chemistry.as_str()), (Some(2.3), "LFP"));
        let wrong = Typed { name: text(" "), chemistry: text("x/y"), capacity_ah: text("1.234,5"), ..Typed::default() };
        let problems = wrong.check(None).unwrap_err();
        let fields: Vec<_> = problems.all().iter().map(|problem| problem.field.as_ref()).collect();
        assert_eq!(fields, ["name", "chemistry", "capacity_ah"]);
    }
}
