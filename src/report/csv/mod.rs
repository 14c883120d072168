//! Measured rows as CSV: our own form, which is read back without loss, that of the Battery Experiments Manager, and the
//! Battery Data Format.

pub(super) mod cells;
pub(super) mod layout;
pub(super) mod number;
mod time;

use std::ops::Range;

use crate::series::codec::ColumnValues;
use cells::Cells;
pub use layout::{Dialect, ordered};
use layout::{Field, fields};
use number::{decimal, signed, unsigned};
pub use time::OffsetAt;
use time::{Moments, Style};

/// The three derived columns that our own form begins with.
pub const DERIVED: [&str; 3] = ["time_utc", "time_local", "elapsed_s"];

/// A column of the rows to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// As stored: `temperature_2_c`.
    pub column: String,
    /// What people call it.
    pub title: String,
}

/// Writes the rows of one experiment.
#[derive(Debug)]
pub struct Table {
    fields: Vec<Field>,
    headers: Vec<String>,
    origin_us: Option<i64>,
    utc: Moments,
    local: Moments,
    blank: Moments,
    rows: u64,
    steps: Steps,
}

/// Counts executed steps: a step ends when step or cycle change.
#[derive(Debug, Default)]
pub(super) struct Steps {
    count: u64,
    present: Option<(u64, u64)>,
}

impl Steps {
    pub(super) fn next(&mut self, step: Option<f64>, cycle: Option<f64>) -> u64 {
        let present = (step.map_or(0, f64::to_bits), cycle.map_or(0, f64::to_bits));
        if step.is_some() && self.present != Some(present) {
            self.count += 1;
            self.present = Some(present);
        }
        self.count
    }
}

impl Table {
    /// A table of `columns`, which [`ordered`] has put in order. `origin_us` is when the experiment began; without it the
    /// first row is the origin.
    #[must_use]
    pub fn new(dialect: Dialect, columns: &[Measured], origin_us: Option<i64>, offset_at: OffsetAt) -> Self {
        let (fields, headers) = fields(dialect, columns).into_iter().unzip();
        Self {
            fields,
            headers,
            origin_us,
            utc: Moments::new(Style::Utc),
            local: Moments::new(Style::Local(offset_at)),
            blank: Moments::new(Style::Blank),
            rows: 0,
            steps: Steps::default(),
        }
    }

    /// Writes the names of the columns.
    pub fn header(&self, out: &mut Vec<u8>) {
        for (at, header) in self.headers.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            text(out, header);
        }
        out.push(b'\n');
    }

    /// Writes rows: their times, and for each column of [`Table::new`] its values, if these rows have it. `rows` are places
    /// in both.
    pub fn rows(&mut self, times_us: &[i64], columns: &[Option<ColumnValues>], rows: Range<usize>, out: &mut Vec<u8>) {
        let Some(first_us) = times_us.get(rows.start) else { return };
        let origin_us = *self.origin_us.get_or_insert(*first_us);
        let of = |column: &Option<usize>| {
            let values = column.and_then(|column| columns.get(column)).and_then(Option::as_ref);
            Cells::new(values, rows.clone())
        };
        let mut cells: Vec<Cells<'_>> = self
            .fields
            .iter()
            .map(|field| match field {
                Field::Value(column) | Field::Whole { column, .. } | Field::Finite(column) => of(&Some(*column)),
                _ => Cells::none(),
            })
            .collect();
        let steps = self.fields.iter().find_map(|field| match field {
            Field::StepCount { step, cycle } => Some((of(&Some(*step)), of(cycle))),
            _ => None,
        });
        let (mut step, mut cycle) = steps.unwrap_or_else(|| (Cells::none(), Cells::none()));
        for (row, at_us) in rows.clone().zip(&times_us[rows.clone()]) {
            for (at, (field, cells)) in self.fields.iter().zip(&mut cells).enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                match field {
                    Field::Utc => self.utc.write(out, *at_us),
                    Field::Local => self.local.write(out, *at_us),
                    Field::Blank => self.blank.write(out, *at_us),
                    Field::Elapsed => decimal(out, at_us.saturating_sub(origin_us), 6),
                    Field::Unix => decimal(out, *at_us, 6),
                    Field::Number => unsigned(out, self.rows),
                    Field::Value(_) => cells.write(out, row),
                    Field::Whole { parts, .. } => {
                        if let Some(value) = cells.value(row).and_then(|value| whole(value * parts)) {
                            signed(out, value);
                        }
                    }
                    Field::Finite(_) => cells.write_finite(out, row),
                    Field::StepCount { .. } => unsigned(out, self.steps.next(step.value(row), cycle.value(row))),
                }
            }
            out.push(b'\n');
            self.rows += 1;
        }
    }
}

/// The nearest whole number; `None` when there is none.
#[expect(clippy::cast_possible_truncation, reason = "checked before")]
fn whole(value: f64) -> Option<i64> {
    let value = value.round();
    (value.abs() < 9e18).then_some(value as i64)
}

/// Writes a text as a cell that no spreadsheet takes for a formula.
fn text(out: &mut Vec<u8>, text: &str) {
    let text = super::spreadsheet::guarded(text);
    if text.contains([',', '"', '\n', '\r']) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests;
