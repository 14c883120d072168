//! Single cells: registered once under the laboratory's own number, then told ever better, never made into another one.

use serde::Serialize;

use super::battery::chemistry::{Chemistry, UNKNOWN, words};
use super::battery::{DESCRIPTION_MAX, Misfit, NAME_MAX, Technology};
use super::number::plain;
use super::text::{line, lines};

/// Largest capacity of one cell, Ah.
const CAPACITY_MAX_AH: f64 = 100_000.0;

/// Everything that is entered of a cell. Empty text and `None` mean: not said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellFacts {
    /// Unique.
    pub name: String,
    /// Serial number; once there it stays.
    pub serial: String,
    /// Family.
    pub technology: Technology,
    /// Word of the chemistry; `unknown` while nobody knows, never again once it is known.
    pub chemistry: String,
    /// Who made it.
    pub manufacturer: String,
    /// What its maker calls it.
    pub model: String,
    /// Nominal capacity, Ah.
    pub capacity_ah: Option<f64>,
    /// Notes, line breaks kept.
    pub description: String,
}

impl CellFacts {
    /// A cell of which only name and chemistry are said.
    #[must_use]
    pub fn new(name: &str, technology: Technology, chemistry: &str) -> Self {
        let text = String::new;
        Self {
            name: name.to_owned(),
            serial: text(),
            technology,
            chemistry: chemistry.to_owned(),
            manufacturer: text(),
            model: text(),
            capacity_ah: None,
            description: text(),
        }
    }

    /// Whether its chemistry is still unknown.
    #[must_use]
    pub fn is_generic(&self) -> bool {
        self.technology == Technology::Generic || self.chemistry == UNKNOWN
    }

    /// Technology and chemistry in words.
    #[must_use]
    pub fn chemistry_words(&self) -> String {
        words(self.technology, &self.chemistry)
    }

    /// The same with texts made fit for a list, and all that does not fit. `before` is what is stored of the cell, if it is
    /// there already: what is known of a cell may grow, but it stays that cell.
    ///
    /// # Errors
    /// At least one [`Misfit`].
    pub fn check(self, before: Option<&Self>) -> Result<Self, Vec<Misfit>> {
        let mut misfits = Vec::new();
        let mut add = |field, message: String| misfits.push(Misfit { field, message });
        let facts = Self {
            name: line(&self.name),
            serial: line(&self.serial),
            manufacturer: line(&self.manufacturer),
            model: line(&self.model),
            description: lines(&self.description),
            ..self
        };
        if facts.name.is_empty() {
            add("name", "Enter a name, for example the one written on the cell.".to_owned());
        }
        let known = Chemistry::find(facts.technology, &facts.chemistry);
        if known.is_none() {
            add("chemistry", "Choose the chemistry; “chemistry not known” is at the end of the list.".to_owned());
        }
        let texts = [
            ("name", &facts.name),
            ("serial", &facts.serial),
            ("manufacturer", &facts.manufacturer),
            ("model", &facts.model),
        ];
        for (field, text) in texts {
            let count = text.chars().count();
            if count > NAME_MAX {
                add(field, format!("These are {count} characters. Use {NAME_MAX} or fewer."));
            }
        }
        match facts.capacity_ah {
            Some(capacity_ah) if capacity_ah <= 0.0 => {
                let shown = plain(capacity_ah);
                add("capacity_ah", format!("{shown} Ah is no capacity. Enter more than 0, or leave it empty."));
            }
            Some(capacity_ah) if capacity_ah > CAPACITY_MAX_AH => {
                let (shown, most) = (plain(capacity_ah), plain(CAPACITY_MAX_AH));
                add("capacity_ah", format!("{shown} Ah is too large for a cell. Enter {most} Ah or less."));
            }
            _ => {}
        }
        let count = facts.description.chars().count();
        if count > DESCRIPTION_MAX {
            add("description", format!("The notes have {count} characters. Use {DESCRIPTION_MAX} or fewer."));
        }
        if let Some(before) = before {
            if !before.is_generic() && facts.is_generic() {
                let words = before.chemistry_words();
                add("chemistry", format!("It is known to be {words}. A cell that is known stays known."));
            }
            if !before.serial.is_empty() && facts.serial != before.serial {
                let serial = &before.serial;
                add(
                    "serial",
                    format!("This cell is {serial} for good. Register another cell under a number of its own."),
                );
            }
        }
        let chemistry = known.map_or_else(String::new, |known| known.word.to_owned());
        if misfits.is_empty() { Ok(Self { chemistry, ..facts }) } else { Err(misfits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(checked: Result<CellFacts, Vec<Misfit>>) -> Vec<&'static str> {
        checked.expect_err("something does not fit").into_iter().map(|misfit| misfit.field).collect()
    }

    #[test]
    fn a_generic_cell_becomes_known_and_never_unknown_again() {
        let generic = CellFacts::new("C1", Technology::Generic, UNKNOWN).check(None).unwrap();
        let known = CellFacts::new("C1", Technology::Lithium, "lfp").check(Some(&generic)).unwrap();
        assert_eq!((known.chemistry.as_str(), known.is_generic()), ("LFP", false));
        assert_eq!(fields(generic.clone().check(Some(&known))), ["chemistry"]);
        assert!(CellFacts::new("C1", Technology::Lithium, "NMC").check(Some(&known)).is_ok(), "a slip is put right");
        assert!(CellFacts { name: "C2".to_owned(), ..generic.clone() }.check(Some(&generic)).is_ok());
    }

    #[test]
    fn a_cell_is_not_made_into_another_one() {
        let bare = CellFacts::new("C1", Technology::Lithium, "NMC");
        let cell = CellFacts { serial: "SN-1".to_owned(), ..bare.clone() }.check(Some(&bare)).unwrap();
        assert_eq!(fields(CellFacts { serial: "SN-2".to_owned(), ..bare.clone() }.check(Some(&cell))), ["serial"]);
        assert_eq!(fields(bare.check(Some(&cell))), ["serial"]);
    }

    #[test]
    fn what_does_not_fit_is_told_by_field() {
        let cell = CellFacts {
            capacity_ah: Some(0.0),
            serial: "s".repeat(81),
            ..CellFacts::new(" \u{202e}", Technology::Lithium, "AGM")
        };
        assert_eq!(fields(cell.check(None)), ["name", "chemistry", "serial", "capacity_ah"]);
    }
}
