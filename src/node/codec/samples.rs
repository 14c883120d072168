//! `up/samples`: one pass over the JSON of a batch, into columns.
//!
//! This is the hot path of the server; every limit is checked while reading, so a hostile payload costs no more than
//! its own length.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::number;
use super::scan::{Fault, Scanner};
use crate::domain::ids::{BatteryId, ExperimentId};
use crate::domain::sample::{BATCH_COLUMNS_MAX, BATCH_ROWS_MAX, Batch, COLUMN_NAME_MAX, Column, Subject, TimeBase};

/// Rows room is made for before their number is known: what devices commonly send at once.
const ROWS_USUAL: usize = 64;

/// Reads the payload of `up/samples`.
///
/// # Errors
/// [`Fault`] names the place and what was expected there.
pub fn parse_batch(payload: &[u8]) -> Result<Batch, Fault> {
    let mut scanner = Scanner::new(payload)?;
    let mut parts = Parts::default();
    object(&mut scanner, |scanner, key, key_at| parts.read(scanner, key, key_at))?;
    scanner.space();
    if scanner.peek().is_some() {
        return Err(scanner.fault("nothing behind the object"));
    }
    parts.batch(&scanner)
}

/// What was read of a batch so far.
#[derive(Default)]
struct Parts {
    boot: Option<u32>,
    seq: Option<i64>,
    subject: Option<Subject>,
    times: Option<(TimeBase, Vec<i64>)>,
    has_columns: bool,
    columns: Vec<Column>,
}

/// The content of `for`.
#[derive(Deserialize)]
struct For {
    experiment: Option<i64>,
    battery: Option<i64>,
}

impl Parts {
    /// Reads the value of a key of the batch.
    fn read(&mut self, scanner: &mut Scanner<'_>, key: &str, key_at: usize) -> Result<(), Fault> {
        match key {
            "boot" => {
                let at = scanner.at();
                let boot = number::integer(scanner)?;
                let boot = u32::try_from(boot).map_err(|_| scanner.fault_at(at, "a boot of 0 to 4294967295"))?;
                once(scanner, key_at, &mut self.boot, boot)
            }
            "seq" => {
                let at = scanner.at();
                let seq = number::integer(scanner)?;
                if seq < 0 {
                    return Err(scanner.fault_at(at, "a seq of 0 or more"));
                }
                once(scanner, key_at, &mut self.seq, seq)
            }
            "for" => {
                let subject = subject(scanner)?;
                once(scanner, key_at, &mut self.subject, subject)
            }
            "at_us" => {
                let times = times(scanner)?;
                once(scanner, key_at, &mut self.times, (TimeBase::Utc, times))
            }
            "tick_us" => {
                let times = times(scanner)?;
                once(scanner, key_at, &mut self.times, (TimeBase::Tick, times))
            }
            "columns" => {
                if std::mem::replace(&mut self.has_columns, true) {
                    return Err(scanner.fault_at(key_at, "each key once"));
                }
                object(scanner, |scanner, name, name_at| self.column(scanner, name, name_at))
            }
            "step" | "cycle" | "quality" => self.column(scanner, key, key_at),
            _ => scanner.value::<IgnoredAny>("a value").map(|_| ()),
        }
    }

    /// Reads the values of a column.
    fn column(&mut self, scanner: &mut Scanner<'_>, name: &str, name_at: usize) -> Result<(), Fault> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=COLUMN_NAME_MAX).contains(&name.len()) || !name.bytes().all(allowed) {
            let expected = format!("a column name of 1 to {COLUMN_NAME_MAX} of a-z, 0-9 and _");
            return Err(scanner.fault_at(name_at, expected));
        }
        if self.columns.iter().any(|column| column.name == name) {
            return Err(scanner.fault_at(name_at, format!("column {name} once")));
        }
        if self.columns.len() == BATCH_COLUMNS_MAX {
            return Err(scanner.fault_at(name_at, format!("at most {BATCH_COLUMNS_MAX} columns")));
        }
        let rows = self.columns.first().map(|column| column.values.len());
        let rows = rows.or(self.times.as_ref().map(|(_, times)| times.len()));
        let mut column =
            Column { name: name.to_owned(), values: Vec::with_capacity(rows.unwrap_or(ROWS_USUAL)), nulls: Vec::new() };
        let filled = array(scanner, |scanner, row| {
            if scanner.peek() == Some(b'n') && scanner.word("null") {
                column.nulls.push(u32::try_from(row).unwrap_or(u32::MAX));
                column.values.push(0.0);
            } else {
                column.values.push(number::float(scanner)?);
            }
            Ok(())
        });
        filled.map_err(|fault| in_column(name, &fault))?;
        self.columns.push(column);
        Ok(())
    }

    /// The batch, once everything is there and fits together.
    fn batch(self, scanner: &Scanner<'_>) -> Result<Batch, Fault> {
        let missing = |what: &'static str| scanner.fault(what);
        let boot = self.boot.ok_or_else(|| missing("“boot” in the object"))?;
        let seq = self.seq.ok_or_else(|| missing("“seq” in the object"))?;
        let subject = self.subject.ok_or_else(|| missing("“for” in the object"))?;
        let (base, times_us) = self.times.ok_or_else(|| missing("“at_us” or “tick_us” in the object"))?;
        let rows = times_us.len();
        if rows == 0 || self.columns.is_empty() {
            return Err(missing("at least one row and one column"));
        }
        if let Some(column) = self.columns.iter().find(|column| column.values.len() != rows) {
            let found = column.values.len();
            return Err(scanner.fault(format!("{rows} values in column {}, one per time, not {found}", column.name)));
        }
        if i64::try_from(rows).ok().and_then(|rows| seq.checked_add(rows - 1)).is_none() {
            return Err(missing("a last seq of at most 9223372036854775807"));
        }
        Ok(Batch { boot, seq, subject, base, times_us, columns: self.columns })
    }
}

fn subject(scanner: &mut Scanner<'_>) -> Result<Subject, Fault> {
    const EXPECTED: &str = "{\"experiment\":id} or {\"battery\":id}";
    let at = scanner.at();
    match scanner.value::<For>(EXPECTED)? {
        For { experiment: Some(id), battery: None } => Ok(Subject::Experiment(ExperimentId(id))),
        For { experiment: None, battery: Some(id) } => Ok(Subject::Battery(BatteryId(id))),
        _ => Err(scanner.fault_at(at, EXPECTED)),
    }
}

fn times(scanner: &mut Scanner<'_>) -> Result<Vec<i64>, Fault> {
    let mut times = Vec::with_capacity(ROWS_USUAL);
    array(scanner, |scanner, _| {
        times.push(number::integer(scanner)?);
        Ok(())
    })?;
    Ok(times)
}

fn once<T>(scanner: &Scanner<'_>, key_at: usize, place: &mut Option<T>, value: T) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(scanner.fault_at(key_at, "each key once, and one kind of time")),
    }
}

#[cold]
fn in_column(name: &str, fault: &Fault) -> Fault {
    Fault { offset: fault.offset, expected: format!("{} in column {name}", fault.expected).into() }
}

/// Reads an object: `member` gets each key with its place, and reads the value.
fn object(
    scanner: &mut Scanner<'_>,
    mut member: impl FnMut(&mut Scanner<'_>, &str, usize) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if !scanner.token(b'{') {
        return Err(scanner.fault("an object in { }"));
    }
    if scanner.token(b'}') {
        return Ok(());
    }
    loop {
        scanner.space();
        let key_at = scanner.at();
        let key = scanner.string()?;
        if !scanner.token(b':') {
            return Err(scanner.fault("a colon behind the key"));
        }
        scanner.space();
        member(scanner, &key, key_at)?;
        if scanner.token(b'}') {
            return Ok(());
        }
        if !scanner.eat(b',') {
            return Err(scanner.fault("a comma or the end of the object"));
        }
    }
}

/// Reads an array of at most [`BATCH_ROWS_MAX`] elements: `element` reads each one.
#[inline]
fn array(
    scanner: &mut Scanner<'_>,
    mut element: impl FnMut(&mut Scanner<'_>, usize) -> Result<(), Fault>,
) -> Result<(), Fault> {
    if !scanner.token(b'[') {
        return Err(scanner.fault("an array in [ ]"));
    }
    if scanner.token(b']') {
        return Ok(());
    }
    for row in 0..BATCH_ROWS_MAX {
        scanner.space();
        element(scanner, row)?;
        if scanner.token(b']') {
            return Ok(());
        }
        if !scanner.eat(b',') {
            return Err(scanner.fault("a comma or the end of the array"));
        }
    }
    Err(scanner.fault(format!("at most {BATCH_ROWS_MAX} rows")))
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
