//! A block in memory, its rows in order of time.

use std::ops::Range;

use crate::domain::sample::Column;
use crate::series::codec::ColumnValues;
use crate::series::window::Piece;

/// A block in memory.
#[derive(Debug)]
pub struct Unpacked {
    /// Times of its rows, µs UTC, ascending.
    pub times_us: Vec<i64>,
    /// Their values, for each column asked for; `None` where the block does not have it.
    pub columns: Vec<Option<ColumnValues>>,
}

impl Unpacked {
    /// The rows of a block: all of them, or those named by their places.
    pub(super) fn new(piece: Piece, rows: Option<Vec<Range<usize>>>) -> Self {
        let values = |column: Column| ColumnValues { values: column.values, nulls: column.nulls };
        let Piece { mut times_us, columns, .. } = piece;
        let mut columns: Vec<Option<ColumnValues>> = columns.into_iter().map(|column| column.map(values)).collect();
        if let Some(rows) = rows {
            let rows: Vec<usize> = rows.into_iter().flatten().collect();
            pick_rows(&rows, &mut times_us, &mut columns);
        }
        if !times_us.is_sorted() {
            let mut rows: Vec<usize> = (0..times_us.len()).collect();
            rows.sort_by_key(|row| times_us[*row]);
            pick_rows(&rows, &mut times_us, &mut columns);
        }
        Self { times_us, columns }
    }
}

/// Keeps these rows, in this order.
fn pick_rows(rows: &[usize], times_us: &mut Vec<i64>, columns: &mut [Option<ColumnValues>]) {
    *times_us = rows.iter().map(|row| times_us[*row]).collect();
    for column in columns.iter_mut().flatten() {
        let is_null = |row: usize| u32::try_from(row).is_ok_and(|row| column.nulls.binary_search(&row).is_ok());
        let nulls = (0_u32..).zip(rows).filter(|(_, row)| is_null(**row)).map(|(place, _)| place).collect();
        column.values = rows.iter().map(|row| column.values[*row]).collect();
        column.nulls = nulls;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_picked_with_their_nulls() {
        let mut times = vec![30, 10, 20, 10];
        let mut columns = [Some(ColumnValues { values: vec![3.0, 1.0, 0.0, 1.5], nulls: vec![2] }), None];
        pick_rows(&[1, 3, 2], &mut times, &mut columns);
        let column = columns[0].as_ref().unwrap();
        assert_eq!(times, [10, 10, 20]);
        assert_eq!((column.values.as_slice(), column.nulls.as_slice()), (&[1.0, 1.5, 0.0][..], &[2][..]));
    }
}
