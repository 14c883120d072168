//! The cells of one column over a stretch of rows.

use std::ops::Range;

use super::number::{decimal, float};
use crate::series::codec::{ColumnValues, scale};

/// The values of a column in a stretch of rows, made ready to be written.
#[derive(Debug)]
pub(in crate::report) struct Cells<'a> {
    values: &'a [f64],
    /// Null rows not yet passed.
    nulls: &'a [u32],
    /// The values as integers of so many decimals, where that is exact; its first is row `from`.
    scaled: Option<(Vec<i64>, u8)>,
    from: usize,
}

impl<'a> Cells<'a> {
    /// No values at all.
    pub(in crate::report) fn none() -> Self {
        Self { values: &[], nulls: &[], scaled: None, from: 0 }
    }

    /// The values of these rows.
    pub(in crate::report) fn new(column: Option<&'a ColumnValues>, rows: Range<usize>) -> Self {
        let Some(column) = column else { return Self::none() };
        let mut scaled = Vec::new();
        let decimals = column.values.get(rows.clone()).and_then(|values| scale::find(values, &mut scaled));
        let passed = column.nulls.partition_point(|null| (*null as usize) < rows.start);
        Self {
            values: &column.values,
            nulls: &column.nulls[passed..],
            scaled: decimals.map(|decimals| (scaled, decimals)),
            from: rows.start,
        }
    }

    /// Whether a row, none before the last one asked for, has a value.
    fn is_there(&mut self, row: usize) -> bool {
        while let Some((null, later)) = self.nulls.split_first() {
            match (*null as usize).cmp(&row) {
                std::cmp::Ordering::Less => self.nulls = later,
                std::cmp::Ordering::Equal => return false,
                std::cmp::Ordering::Greater => break,
            }
        }
        row < self.values.len()
    }

    /// The value of a row, none before the last one asked for.
    pub(in crate::report) fn value(&mut self, row: usize) -> Option<f64> {
        self.is_there(row).then(|| self.values[row])
    }

    /// Writes the value of a row; nothing where it was not measured.
    pub(in crate::report) fn write(&mut self, out: &mut Vec<u8>, row: usize) {
        if !self.is_there(row) {
            return;
        }
        match &self.scaled {
            Some((scaled, decimals)) => decimal(out, scaled[row - self.from], *decimals),
            None => float(out, self.values[row]),
        }
    }

    /// The same, and nothing for what is no number.
    pub(in crate::report) fn write_finite(&mut self, out: &mut Vec<u8>, row: usize) {
        if self.values.get(row).is_some_and(|value| value.is_finite()) {
            self.write(out, row);
        }
    }
}
