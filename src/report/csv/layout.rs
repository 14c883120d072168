//! Which columns a file has, and in which order.

use super::{DERIVED, Measured};
use crate::domain::bdf;

/// A form of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Ours: every column under its own name, every digit; read back without loss.
    Cellar,
    /// As the Battery Experiments Manager writes it: whole mV and mA.
    Wattrex,
    /// Battery Data Format under the labels of its ontology.
    Bdf,
    /// Battery Data Format under its machine names.
    BdfMachine,
}

impl Dialect {
    /// How names of files of this form end.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Cellar => ".csv",
            Self::Wattrex => "(Measures).csv",
            Self::Bdf | Self::BdfMachine => ".bdf.csv",
        }
    }
}

/// Columns that stand first, and the one that stands last.
const FIRST: [&str; 4] = ["step", "cycle", "voltage_v", "current_a"];
const LAST: &str = "quality";

/// The names of columns in the order in which they are written. What was ordered stays as it is.
#[must_use]
pub fn ordered(names: Vec<String>) -> Vec<String> {
    let place = |name: &String| match FIRST.iter().position(|first| first == name) {
        Some(place) => place,
        None if name == LAST => FIRST.len() + 1,
        None => FIRST.len(),
    };
    let mut ordered = names;
    ordered.sort_by_key(place);
    ordered
}

/// What stands in a column of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) enum Field {
    /// Moment in UTC.
    Utc,
    /// Moment in the zone of the server.
    Local,
    /// Moment as Python prints it.
    Blank,
    /// Seconds since the experiment began.
    Elapsed,
    /// Seconds since 1970.
    Unix,
    /// Rows before this one.
    Number,
    /// A measured value, every digit.
    Value(usize),
    /// A measured value, if it is a number.
    Finite(usize),
    /// A measured value in so many parts of its unit, whole.
    Whole { column: usize, parts: f64 },
    /// Executed steps before this one.
    StepCount { step: usize, cycle: Option<usize> },
}

pub(in crate::report) fn fields(dialect: Dialect, columns: &[Measured]) -> Vec<(Field, String)> {
    match dialect {
        Dialect::Cellar => {
            let derived = [Field::Utc, Field::Local, Field::Elapsed].into_iter().zip(DERIVED.map(str::to_owned));
            let measured = columns.iter().enumerate().map(|(at, one)| (Field::Value(at), one.column.clone()));
            derived.chain(measured).collect()
        }
        Dialect::Wattrex => wattrex(columns),
        Dialect::Bdf => bdf(columns, |term| term.label),
        Dialect::BdfMachine => bdf(columns, |term| term.machine),
    }
}

fn place(columns: &[Measured], name: &str) -> Option<usize> {
    columns.iter().position(|one| one.column == name)
}

/// `Timestamp,MeasID,Voltage,Current` and what else was measured, under the names people gave it.
fn wattrex(columns: &[Measured]) -> Vec<(Field, String)> {
    const KNOWN: [(&str, &str); 2] = [("voltage_v", "Voltage"), ("current_a", "Current")];
    let mut fields = vec![(Field::Blank, "Timestamp".to_owned()), (Field::Number, "MeasID".to_owned())];
    let known = KNOWN.iter().filter_map(|(name, title)| Some((place(columns, name)?, (*title).to_owned())));
    fields.extend(known.map(|(at, title)| (Field::Whole { column: at, parts: 1e3 }, title)));
    let is_other = |name: &str| !FIRST.contains(&name) && name != LAST;
    let others = columns.iter().enumerate().filter(|(_, one)| is_other(&one.column));
    fields.extend(others.map(|(at, one)| (Field::Whole { column: at, parts: parts(&one.column) }, one.title.clone())));
    fields
}

/// That program counts temperatures and powers in tenths, everything else in thousandths.
fn parts(column: &str) -> f64 {
    if column.ends_with("_c") || column.ends_with("_w") { 1e1 } else { 1e3 }
}

/// Required columns first, then the recommended ones, then the rest of the vocabulary, then what it has no word for under
/// our own name.
fn bdf(columns: &[Measured], name: fn(&bdf::Term) -> &'static str) -> Vec<(Field, String)> {
    let mut fields = vec![(Field::Elapsed, name(&bdf::TEST_TIME).to_owned())];
    let (required, others) = bdf::TERMS.split_at(2);
    let found = |terms: &'static [bdf::Term]| {
        let term = move |term: &bdf::Term| Some((Field::Finite(place(columns, term.column)?), name(term).to_owned()));
        terms.iter().filter_map(term)
    };
    fields.extend(found(required));
    fields.push((Field::Unix, name(&bdf::UNIX_TIME).to_owned()));
    let cycle = place(columns, "cycle");
    fields.extend(cycle.map(|at| (Field::Finite(at), name(&bdf::CYCLE_COUNT).to_owned())));
    if let Some(step) = place(columns, "step") {
        fields.push((Field::StepCount { step, cycle }, name(&bdf::STEP_COUNT).to_owned()));
    }
    fields.extend(found(others));
    let has_term = |name: &str| name == "cycle" || bdf::of_column(name).is_some();
    let rest = columns.iter().enumerate().filter(|(_, one)| !has_term(&one.column));
    fields.extend(rest.map(|(at, one)| (Field::Finite(at), one.column.clone())));
    fields
}
