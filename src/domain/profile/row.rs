//! One step as a row of words: `CC`, `1`, `VOLTAGE`, `4.2`. The text form and the table of the editor both are rows.

use super::program::{Deed, End, Program, ProgramStep, Spot};
use super::rules::kind;
use super::value::{self, current_text, quoted, rate_text};

/// What a row can do, in the order the editor offers it: the word of the text form, and its meaning.
pub const DEEDS: [(&str, &str); 6] = [
    ("CC", "Constant current"),
    ("CV", "Constant voltage"),
    ("CCCV", "Current, then voltage"),
    ("CP", "Constant power"),
    ("WAIT", "Rest"),
    ("LOOP", "Repeat from a step"),
];
/// What a limit can look at: the word of the text form, and its meaning with the unit.
pub const KINDS: [(&str, &str); 5] = [
    ("TIME", "Time, s"),
    ("VOLTAGE", "Voltage, V"),
    ("CURRENT", "Current, A"),
    ("POWER", "Power, W"),
    ("CAPACITY", "Charge, Ah"),
];

/// Where the words of a row stand: problems are told by their meaning, and whoever shows them knows the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Values before the limits.
    values: usize,
    /// Whether the first limit is a bare time, as in `WAIT, 5`.
    is_bare_wait: bool,
}

impl Shape {
    /// Index of the word at a spot; may lie behind the last word, where it is missing.
    #[must_use]
    pub fn word(&self, spot: Spot) -> usize {
        let limit = |index: usize| match (self.is_bare_wait, index) {
            (true, 0) => (1, 1),
            (true, index) => (2 * index, 2 * index + 1),
            (false, index) => (1 + self.values + 2 * index, 2 + self.values + 2 * index),
        };
        match spot {
            Spot::Deed => 0,
            Spot::Value(index) => 1 + index,
            Spot::Kind(index) => limit(index).0,
            Spot::Amount(index) => limit(index).1,
        }
    }
}

/// A row as read: the step, or what is wrong with its words.
pub type ReadRow = (Shape, Result<ProgramStep, Vec<(Spot, String)>>);

/// The word of a step in any spelling: `cc`, `CC_MODE`, `CC-CV`, `REST`.
fn deed_word(typed: &str) -> String {
    let upper = typed.trim().to_uppercase();
    // The viewer of the as-built application writes CC_MODE.
    let plain = upper.strip_suffix("_MODE").unwrap_or(&upper);
    match plain {
        "REST" | "OCV" => "WAIT".to_owned(),
        "CC-CV" | "CC_CV" | "CC CV" => "CCCV".to_owned(),
        "REPEAT" => "LOOP".to_owned(),
        other => other.to_owned(),
    }
}

fn is_kind(word: &str) -> bool {
    KINDS.iter().any(|(known, _)| word.trim().eq_ignore_ascii_case(known))
}

/// Reads a row; what the words mean together is [`Program::checked`]'s.
pub fn read(words: &[&str]) -> ReadRow {
    let deed = deed_word(words.first().copied().unwrap_or_default());
    let is_bare_wait = deed == "WAIT" && words.get(1).is_some_and(|word| !is_kind(word));
    let values = match deed.as_str() {
        "WAIT" => 0,
        "CCCV" | "LOOP" => 2,
        _ => 1,
    };
    let shape = Shape { values, is_bare_wait };
    let mut row = Reader { words, deed: &deed, faults: Vec::new() };
    let read = row.deed();
    // Behind an unknown word or a missing value the others stand at no known place.
    let is_lost = words.iter().skip(1).take(values).any(|word| is_kind(word))
        || row.faults.iter().any(|(spot, _)| *spot == Spot::Deed);
    if read.is_none() && is_lost {
        return (shape, Err(row.faults));
    }
    let until = row.until(shape);
    match read {
        Some(deed) if row.faults.is_empty() => (shape, Ok(ProgramStep { deed, until })),
        _ => (shape, Err(row.faults)),
    }
}

struct Reader<'row> {
    words: &'row [&'row str],
    deed: &'row str,
    faults: Vec<(Spot, String)>,
}

impl Reader<'_> {
    fn take<T>(&mut self, spot: Spot, value: Result<T, String>) -> Option<T> {
        value.map_err(|message| self.faults.push((spot, message))).ok()
    }

    /// The value of this index, or that it is missing.
    fn value<T>(&mut self, index: usize, read: impl Fn(&str) -> Result<T, String>, form: &str) -> Option<T> {
        let typed = self.words.get(1 + index).filter(|typed| !typed.trim().is_empty() && !is_kind(typed));
        let value = match typed {
            Some(typed) => read(typed),
            None => Err(format!("A value is missing here. Write “{form}”.")),
        };
        self.take(Spot::Value(index), value)
    }

    fn deed(&mut self) -> Option<Deed> {
        match self.deed {
            "WAIT" => Some(Deed::Rest),
            "CC" => {
                let current = self.value(0, value::current, "CC, 1, VOLTAGE, 4.2")?;
                Some(Deed::Cc { current })
            }
            "CV" => {
                let voltage_v = self.value(0, value::voltage_v, "CV, 4.2, CURRENT, 0.05")?;
                Some(Deed::Cv { voltage_v })
            }
            "CP" => {
                let power_w = self.value(0, value::power_w, "CP, 10, TIME, 60")?;
                Some(Deed::Cp { power_w })
            }
            "CCCV" => {
                let form = "CCCV, 1, 4.2, CURRENT, 0.05";
                let current = self.value(0, value::current, form);
                let voltage_v = self.value(1, value::voltage_v, form);
                Some(Deed::CcCv { current: current?, voltage_v: voltage_v? })
            }
            "LOOP" => {
                let form = "LOOP, 2, 10";
                let to = self.value(0, |typed| value::count(typed, "the number of a step"), form);
                let times = self.value(1, |typed| value::count(typed, "a number of times"), form);
                Some(Deed::Loop { to: to?, times: times? })
            }
            _ => {
                let typed = self.words.first().copied().unwrap_or_default();
                let known = "Begin the step with CC, CV, CCCV, CP, WAIT or LOOP.";
                let message = match typed.trim() {
                    "" => format!("What the step does is missing. {known}"),
                    _ => format!("{} is no step. {known}", quoted(typed)),
                };
                self.faults.push((Spot::Deed, message));
                None
            }
        }
    }

    fn until(&mut self, shape: Shape) -> Vec<End> {
        let mut ends = Vec::new();
        let mut index = 0;
        if shape.is_bare_wait {
            let seconds = value::time_s(self.words.get(1).copied().unwrap_or_default());
            ends.extend(self.take(Spot::Amount(0), seconds).map(End::TimeS));
            index = 1;
        }
        while shape.word(Spot::Kind(index)) < self.words.len() {
            let kind = self.words[shape.word(Spot::Kind(index))].trim().to_uppercase();
            let amount = self.words.get(shape.word(Spot::Amount(index))).copied();
            if self.deed == "LOOP" {
                let message = "A loop has two values, as in “LOOP, 2, 10”. Remove the rest.".to_owned();
                self.faults.push((Spot::Kind(index), message));
                break;
            }
            if !is_kind(&kind) {
                self.faults.push((Spot::Kind(index), unknown_kind(&kind)));
            } else if let Some(amount) = amount.filter(|amount| !amount.trim().is_empty()) {
                ends.extend(self.take(Spot::Amount(index), end(&kind, amount)));
            } else {
                let message = format!("{kind} has no value. Write one, as in “{}”.", example(&kind));
                self.faults.push((Spot::Amount(index), message));
            }
            index += 1;
        }
        ends
    }
}

fn unknown_kind(typed: &str) -> String {
    let known = "A limit is TIME, VOLTAGE, CURRENT, POWER or CAPACITY.";
    match typed {
        "" => format!("What the limit looks at is missing. {known}"),
        _ if typed.chars().all(|letter| letter.is_ascii_digit()) => {
            format!("{} is no limit. {known} Decimals take a point, since a comma separates.", quoted(typed))
        }
        _ => format!("{} is no limit. {known}", quoted(typed)),
    }
}

fn example(kind: &str) -> &'static str {
    match kind {
        "TIME" => "TIME, 60",
        "VOLTAGE" => "VOLTAGE, 4.2",
        "CURRENT" => "CURRENT, 0.05",
        "POWER" => "POWER, 0.1",
        _ => "CAPACITY, 2.5",
    }
}

fn end(kind: &str, typed: &str) -> Result<End, String> {
    use super::program::Rate;
    Ok(match kind {
        "TIME" => End::TimeS(value::time_s(typed)?),
        "VOLTAGE" => End::VoltageV(value::voltage_v(typed)?),
        "POWER" => End::PowerW(value::power_w(typed)?.abs()),
        "CAPACITY" => End::CapacityAh(value::capacity_ah(typed)?),
        // A limit is a magnitude: the sign of the as-built form's is left out.
        _ => match value::current(typed)? {
            Rate::A(amperes) => End::CurrentA(amperes.abs()),
            Rate::C(rate) => End::RateC(rate.abs()),
        },
    })
}

/// The words of a step: what [`read`] reads as the same step.
#[must_use]
pub fn words(step: &ProgramStep) -> Vec<String> {
    let mut words: Vec<String> = match step.deed {
        Deed::Rest => vec!["WAIT".to_owned()],
        Deed::Cc { current } => vec!["CC".to_owned(), current_text(current)],
        Deed::Cv { voltage_v } => vec!["CV".to_owned(), voltage_v.to_string()],
        Deed::Cp { power_w } => vec!["CP".to_owned(), power_w.to_string()],
        Deed::CcCv { current, voltage_v } => vec!["CCCV".to_owned(), current_text(current), voltage_v.to_string()],
        Deed::Loop { to, times } => vec!["LOOP".to_owned(), to.to_string(), times.to_string()],
    };
    let mut ends = step.until.as_slice();
    if let (Deed::Rest, [End::TimeS(seconds), rest @ ..]) = (step.deed, ends) {
        words.push(seconds.to_string());
        ends = rest;
    }
    for end in ends {
        words.push(kind(*end).to_owned());
        words.push(amount_text(*end));
    }
    words
}

/// The value of a limit as it is read back.
#[must_use]
pub fn amount_text(end: End) -> String {
    match end {
        End::RateC(rate) => rate_text(rate),
        End::TimeS(value)
        | End::VoltageV(value)
        | End::CurrentA(value)
        | End::PowerW(value)
        | End::CapacityAh(value) => value.to_string(),
    }
}

/// The word of a limit: `TIME`, `VOLTAGE`, `CURRENT`, `POWER`, `CAPACITY`.
#[must_use]
pub fn kind_word(end: End) -> &'static str {
    kind(end)
}

/// Reads rows into a program that keeps all rules.
///
/// # Errors
/// Every problem of a word, or else every problem of the whole; each with the shape of its row.
pub fn program(rows: &[Vec<&str>]) -> Result<Program, Vec<(super::Fault, Shape)>> {
    let mut steps = Vec::with_capacity(rows.len());
    let mut shapes = Vec::with_capacity(rows.len());
    let mut faults = Vec::new();
    for (step, words) in rows.iter().enumerate() {
        let (shape, read) = read(words);
        shapes.push(shape);
        match read {
            Ok(read) => steps.push(read),
            Err(found) => {
                faults.extend(found.into_iter().map(|(spot, message)| (super::Fault { step, spot, message }, shape)));
            }
        }
        if faults.len() >= super::program::FAULTS_MAX {
            break;
        }
    }
    if !faults.is_empty() {
        faults.truncate(super::program::FAULTS_MAX);
        return Err(faults);
    }
    let shape_of = |step: usize| shapes.get(step).copied().unwrap_or(Shape { values: 1, is_bare_wait: false });
    Program::checked(steps, 1)
        .map_err(|faults| faults.into_iter().map(|fault| (fault.clone(), shape_of(fault.step))).collect())
}
