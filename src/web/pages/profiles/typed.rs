//! The form of a profile as it was typed, and the program it stands for.

use std::collections::BTreeMap;

use super::Entered;
use crate::domain::profile::row::{self, DEEDS, KINDS};
use crate::domain::profile::{Program, Spot, any, text};
use crate::store::profiles::{NewProfile, Profile};
use crate::web::forms::Problems;

/// Limits every row of the table offers; one more appears when all are taken.
const ENDS_MIN: usize = 2;
/// Rows read from a form: above what a profile may have, so that too many are told and not cut.
const ROWS_MAX: usize = 600;

/// One row of the table as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Word of what it does.
    pub(super) deed: String,
    /// First value.
    pub(super) at: String,
    /// Second value, of those that have one.
    pub(super) at2: String,
    /// Limits: what they look at, and the value.
    pub(super) ends: Vec<(String, String)>,
}

impl Row {
    /// The row of a step.
    fn of_words(words: &[String]) -> Self {
        let deed = words.first().cloned().unwrap_or_default();
        let is_kind = |word: &str| KINDS.iter().any(|(kind, _)| *kind == word);
        let mut rest = words.get(1..).unwrap_or_default().to_vec();
        // In the table a rest has its time where the others have theirs.
        if deed == "WAIT" && rest.first().is_some_and(|word| !is_kind(word)) {
            rest.insert(0, "TIME".to_owned());
        }
        let values = rest.iter().take_while(|word| !is_kind(word)).count();
        let mut values_of = rest.drain(..values);
        let (at, at2) = (values_of.next().unwrap_or_default(), values_of.next().unwrap_or_default());
        drop(values_of);
        let ends = rest.chunks(2).map(|pair| (pair[0].clone(), pair.get(1).cloned().unwrap_or_default())).collect();
        Self { deed, at, at2, ends }
    }

    /// Limits as the form shows them: as many as are set and a free one.
    pub(super) fn shown_ends(&self) -> Vec<(String, String)> {
        let mut ends = self.ends.clone();
        let is_free = |(kind, amount): &(String, String)| kind.is_empty() && amount.is_empty();
        while ends.len() < KINDS.len() && (ends.len() < ENDS_MIN || !ends.iter().any(is_free)) {
            ends.push(Default::default());
        }
        ends
    }

    /// Values this kind of step has.
    fn value_count(&self) -> usize {
        match self.deed.as_str() {
            "WAIT" => 0,
            "CCCV" | "LOOP" => 2,
            _ => 1,
        }
    }

    /// Indices of limits that say something.
    fn set_ends(&self) -> Vec<usize> {
        let is_set = |(kind, amount): &(String, String)| !kind.trim().is_empty() || !amount.trim().is_empty();
        (0..self.ends.len()).filter(|index| is_set(&self.ends[*index])).collect()
    }

    /// The words the one reader of steps reads.
    fn words(&self) -> Vec<&str> {
        let mut words = vec![self.deed.as_str()];
        words.extend([self.at.as_str(), self.at2.as_str()].into_iter().take(self.value_count()));
        for index in self.set_ends() {
            words.extend([self.ends[index].0.as_str(), self.ends[index].1.as_str()]);
        }
        words
    }

    /// The field a problem belongs to, less the number of the row.
    fn field(&self, spot: Spot) -> String {
        let of_end = |index: usize| self.set_ends().get(index).copied().unwrap_or_default();
        match spot {
            Spot::Deed => "do".to_owned(),
            Spot::Value(0) => "at".to_owned(),
            Spot::Value(_) => "at2".to_owned(),
            Spot::Kind(index) => format!("k{}", of_end(index)),
            Spot::Amount(index) => format!("v{}", of_end(index)),
        }
    }

    /// What was typed where this kind of step has no field.
    fn surplus(&self) -> Option<(&'static str, &'static str)> {
        let is_set = |text: &str| !text.trim().is_empty();
        match self.value_count() {
            0 if is_set(&self.at) => Some(("at", "A rest has no value here. Clear it, and give a time under Until.")),
            0 | 1 if is_set(&self.at2) => Some(("at2", "This kind of step has one value. Clear the second one.")),
            _ => None,
        }
    }
}

/// The rows of a program; cycles stand as a last loop to the first step.
fn rows_of(program: &Program) -> Vec<Row> {
    let mut rows: Vec<Row> = program.steps.iter().map(|step| Row::of_words(&row::words(step))).collect();
    if program.cycles != 1 {
        let back = ["LOOP".to_owned(), "1".to_owned(), program.cycles.to_string()];
        rows.push(Row::of_words(&back));
    }
    rows
}

/// Everything typed into the form of a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed {
    /// Name.
    pub(super) name: String,
    /// Description.
    pub(super) description: String,
    /// Mark of the form.
    pub(super) once: String,
    /// Version of the profile the form was made of.
    pub(super) version: i64,
    /// Whether the text is shown and counts, not the table.
    pub(super) is_text: bool,
    /// The table.
    pub(super) rows: Vec<Row>,
    /// The text; beside the table, what it was made of.
    pub(super) text: String,
    /// The button pressed.
    pub(super) act: String,
    /// Whether a profile that does the same was shown already.
    pub(super) knows_same: bool,
}

impl Typed {
    /// The form of a stored profile.
    pub(super) fn of(profile: &Profile) -> Self {
        Self {
            name: profile.name.clone(),
            description: profile.description.clone(),
            version: profile.version,
            rows: rows_of(&profile.program),
            text: profile.text_form(),
            ..Self::default()
        }
    }

    /// A form to begin with: the everyday cycle of a cell, which shows every kind of field.
    pub(super) fn example() -> Self {
        let text = "CCCV, 0.5C, 4.2, CURRENT, 0.05C\nWAIT, 600\nCC, -0.5C, VOLTAGE, 2.5\n".to_owned();
        let rows = text::read(&text).map(|program| rows_of(&program)).unwrap_or_default();
        Self { rows, text, ..Self::default() }
    }

    /// What a browser sent. Fields nobody knows say nothing.
    pub(super) fn of_pairs(pairs: &[(String, String)]) -> Self {
        let mut typed = Self::default();
        let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
        for (name, value) in pairs {
            match name.as_str() {
                "name" => typed.name.clone_from(value),
                "description" => typed.description.clone_from(value),
                "once" => typed.once.clone_from(value),
                "version" => typed.version = value.parse().unwrap_or_default(),
                "view" => typed.is_text = value == "text",
                "text" => typed.text.clone_from(value),
                "same" => typed.knows_same = !value.is_empty(),
                // A browser sends the button pressed and nothing of the others.
                "act" => typed.act.clone_from(value),
                _ => {
                    let place = name.strip_prefix("row-").and_then(|rest| rest.split_once('-'));
                    let Some((index, field)) = place.and_then(|(i, field)| Some((i.parse::<usize>().ok()?, field)))
                    else {
                        continue;
                    };
                    if index < ROWS_MAX {
                        set(rows.entry(index).or_default(), field, value);
                    }
                }
            }
        }
        typed.rows = rows.into_values().collect();
        typed
    }

    /// The program, or its problems beside the fields.
    pub(super) fn program(&self, problems: &mut Problems) -> Option<Program> {
        if self.is_text {
            return match any::read(&self.text) {
                Ok((_, converted)) => Some(converted.result),
                Err(faults) => {
                    faults.into_iter().for_each(|fault| problems.add("text", fault));
                    None
                }
            };
        }
        for (index, row) in self.rows.iter().enumerate() {
            if let Some((field, message)) = row.surplus() {
                problems.add(format!("row-{index}-{field}"), format!("Step {}: {message}", index + 1));
            }
        }
        let words: Vec<Vec<&str>> = self.rows.iter().map(Row::words).collect();
        match row::program(&words) {
            Ok(program) => problems.is_empty().then_some(program),
            Err(faults) => {
                for (fault, _) in faults {
                    let field = self.rows.get(fault.step).map_or("do".to_owned(), |row| row.field(fault.spot));
                    let step = fault.step.min(self.rows.len().saturating_sub(1));
                    problems.add(format!("row-{step}-{field}"), format!("Step {}: {}", step + 1, fault.message));
                }
                None
            }
        }
    }

    /// What is to be stored, or the problems beside the fields.
    pub(super) fn profile(&self, problems: &mut Problems) -> Option<NewProfile> {
        let entered = Entered::check(&self.name, &self.description, problems);
        let before = problems.is_empty();
        let program = self.program(problems)?;
        before.then(|| entered.profile(program, &self.text))
    }

    /// Shows the table, made of the text, or the text, made of the table; stays where that is not possible.
    pub(super) fn show_text(&mut self, is_text: bool, problems: &mut Problems) -> Vec<String> {
        if is_text == self.is_text {
            return Vec::new();
        }
        let notes = if self.is_text {
            any::read(&self.text).map(|(_, read)| read.notes).unwrap_or_default()
        } else {
            Vec::new()
        };
        let Some(program) = self.program(problems) else { return Vec::new() };
        if is_text {
            if !text::read(&self.text).is_ok_and(|typed| typed == program) {
                self.text = text::write(&program);
            }
        } else {
            self.rows = rows_of(&program);
        }
        self.is_text = is_text;
        notes
    }

    /// Does what a button of the table asks for; the row that then has the focus.
    pub(super) fn arrange(&mut self) -> Option<usize> {
        let (verb, index) = self.act.split_once('-').unwrap_or((&self.act, ""));
        if verb == "add" {
            self.rows.push(Row { deed: "CC".to_owned(), ..Row::default() });
            return Some(self.rows.len() - 1);
        }
        let index: usize = index.parse().ok().filter(|index| *index < self.rows.len())?;
        match verb {
            "up" if index > 0 => {
                self.rows.swap(index, index - 1);
                Some(index - 1)
            }
            "down" if index + 1 < self.rows.len() => {
                self.rows.swap(index, index + 1);
                Some(index + 1)
            }
            "copy" => {
                self.rows.insert(index + 1, self.rows[index].clone());
                Some(index + 1)
            }
            "remove" => {
                self.rows.remove(index);
                Some(index.min(self.rows.len().saturating_sub(1)))
            }
            _ => Some(index),
        }
    }
}

fn set(row: &mut Row, field: &str, value: &str) {
    let (name, index) = field.split_at(field.len().min(1));
    let value = value.trim().to_owned();
    match (field, name, index.parse::<usize>()) {
        ("do", ..) => row.deed = value,
        ("at", ..) => row.at = value,
        ("at2", ..) => row.at2 = value,
        (_, "k" | "v", Ok(index)) if index < KINDS.len() => {
            if row.ends.len() <= index {
                row.ends.resize(index + 1, Default::default());
            }
            if name == "k" { row.ends[index].0 = value } else { row.ends[index].1 = value }
        }
        _ => {}
    }
}

/// What a row can do, for the form.
pub(super) fn deeds() -> &'static [(&'static str, &'static str)] {
    &DEEDS
}

/// What a limit can look at, for the form.
pub(super) fn kinds() -> &'static [(&'static str, &'static str)] {
    &KINDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Typed {
        Typed::of_pairs(&list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn the_table_and_the_text_are_two_views_of_one_program() {
        let text =
            "CCCV, 0.5C, 4.2, CURRENT, 0.05C, TIME, 7200\nWAIT, 60\nCP, -10, VOLTAGE, 2.5\nLOOP, 2, 3\nLOOP, 1, 5\n";
        let mut typed = Typed { is_text: true, text: text.to_owned(), ..Typed::default() };
        let mut problems = Problems::default();
        typed.show_text(false, &mut problems);
        assert_eq!(typed.rows.len(), 5);
        assert_eq!(typed.rows[1].ends, [("TIME".to_owned(), "60".to_owned())]);
        assert_eq!(text::write(&typed.program(&mut problems).unwrap()), text);
        typed.text.clear();
        typed.show_text(true, &mut problems);
        assert_eq!((typed.text.as_str(), problems.is_empty()), (text, true));
    }

    #[test]
    fn comments_stay_while_the_table_says_the_same() {
        let mut typed = Typed { is_text: true, text: "WAIT, 60 # settle\n".to_owned(), ..Typed::default() };
        typed.show_text(false, &mut Problems::default());
        typed.name = "Rest".to_owned();
        assert_eq!(typed.profile(&mut Problems::default()).unwrap().text, "WAIT, 60 # settle\n");
        typed.rows[0].ends[0].1 = "61".to_owned();
        assert_eq!(typed.profile(&mut Problems::default()).unwrap().text, "");
    }

    #[test]
    fn a_problem_of_the_table_stands_at_its_field() {
        let typed = pairs(&[
            ("row-0-do", "CC"),
            ("row-0-at", "x"),
            ("row-0-k0", ""),
            ("row-0-v0", ""),
            ("row-0-k1", "VOLTAGE"),
            ("row-0-v1", "4,2"),
            ("row-4-do", "WAIT"),
            ("row-4-at", "5"),
            ("row-4-k0", "TIME"),
        ]);
        let mut problems = Problems::default();
        assert_eq!(typed.program(&mut problems), None);
        let fields: Vec<&str> = problems.all().iter().map(|problem| problem.field.as_ref()).collect();
        assert_eq!(fields, ["row-1-at", "row-0-at", "row-1-v0"]);
        assert!(problems.all()[1].message.starts_with("Step 1: “x” is not a current"));
    }

    #[test]
    fn rows_are_added_moved_copied_and_deleted() {
        let act = |act: &str| {
            let mut typed = pairs(&[("row-0-do", "CC"), ("row-1-do", "CV"), ("row-2-do", "WAIT"), ("act", act)]);
            let focus = typed.arrange();
            (typed.rows.iter().map(|row| row.deed.clone()).collect::<Vec<_>>().join(" "), focus)
        };
        assert_eq!(act("add"), ("CC CV WAIT CC".to_owned(), Some(3)));
        assert_eq!(act("up-1"), ("CV CC WAIT".to_owned(), Some(0)));
        assert_eq!(act("down-1"), ("CC WAIT CV".to_owned(), Some(2)));
        assert_eq!(act("copy-0"), ("CC CC CV WAIT".to_owned(), Some(1)));
        assert_eq!(act("remove-2"), ("CC CV".to_owned(), Some(1)));
        assert_eq!(act("up-0"), ("CC CV WAIT".to_owned(), Some(0)));
        assert_eq!(act("up-9"), ("CC CV WAIT".to_owned(), None));
    }

    #[test]
    fn a_row_always_offers_a_free_limit_until_all_are_taken() {
        let taken = |count: usize| Row { ends: vec![("TIME".into(), "1".into()); count], ..Row::default() };
        let shown: Vec<usize> = (0..=5).map(|count| taken(count).shown_ends().len()).collect();
        assert_eq!(shown, [2, 2, 3, 4, 5, 5]);
    }
}
