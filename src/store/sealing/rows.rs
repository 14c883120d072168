//! Rows of several blocks as one list in the order of their numbers, to be cut into chunks.

use crate::series::chunk::CHUNK_ROWS_MAX;
use crate::series::codec::{ColumnValues, Rows};

/// Rows with their numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Numbered {
    pub(super) seqs: Vec<i64>,
    pub(super) rows: Rows,
}

impl Numbered {
    /// Adds the rows of a block: `ranges` names their numbers.
    pub(super) fn add(&mut self, ranges: &[(i64, i64)], block: Rows) {
        let before = u32::try_from(self.seqs.len()).unwrap_or(u32::MAX);
        self.seqs.extend(ranges.iter().flat_map(|(first, last)| *first..=*last));
        self.rows.times_us.extend(block.times_us);
        self.rows.columns.resize_with(block.columns.len(), ColumnValues::default);
        for (column, more) in self.rows.columns.iter_mut().zip(block.columns) {
            column.values.extend(more.values);
            column.nulls.extend(more.nulls.into_iter().map(|row| row + before));
        }
    }

    /// Puts the rows in the order of their numbers.
    pub(super) fn sort(&mut self) {
        if self.seqs.is_sorted() {
            return;
        }
        let mut order: Vec<usize> = (0..self.seqs.len()).collect();
        order.sort_unstable_by_key(|row| self.seqs[*row]);
        let mut place = vec![0_u32; order.len()];
        for (to, from) in (0_u32..).zip(&order) {
            place[*from] = to;
        }
        self.seqs = order.iter().map(|row| self.seqs[*row]).collect();
        self.rows.times_us = order.iter().map(|row| self.rows.times_us[*row]).collect();
        for column in &mut self.rows.columns {
            column.values = order.iter().map(|row| column.values[*row]).collect();
            let mut nulls: Vec<u32> = column.nulls.iter().map(|row| place[*row as usize]).collect();
            nulls.sort_unstable();
            column.nulls = nulls;
        }
    }

    /// Parts of nearly equal length, none longer than a chunk.
    pub(super) fn parts(&self) -> Vec<Self> {
        let count = self.seqs.len().div_ceil(CHUNK_ROWS_MAX);
        (0..count).map(|part| self.part(part * self.seqs.len() / count, (part + 1) * self.seqs.len() / count)).collect()
    }

    fn part(&self, from: usize, to: usize) -> Self {
        let columns = self.rows.columns.iter().map(|column| {
            let within = |row: &&u32| (from..to).contains(&(**row as usize));
            let shift = u32::try_from(from).unwrap_or(u32::MAX);
            ColumnValues {
                values: column.values[from..to].to_vec(),
                nulls: column.nulls.iter().filter(within).map(|row| row - shift).collect(),
            }
        });
        Self {
            seqs: self.seqs[from..to].to_vec(),
            rows: Rows { columns: columns.collect(), times_us: self.rows.times_us[from..to].to_vec() },
        }
    }

    /// The numbers as ascending ranges, both ends included.
    pub(super) fn ranges(&self) -> Vec<(i64, i64)> {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for seq in &self.seqs {
            match ranges.last_mut() {
                Some(last) if last.1 + 1 == *seq => last.1 = *seq,
                _ => ranges.push((*seq, *seq)),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(times_us: Vec<i64>, values: Vec<f64>, nulls: Vec<u32>) -> Rows {
        Rows { times_us, columns: vec![ColumnValues { values, nulls }] }
    }

    #[test]
    fn late_rows_take_their_place_with_their_nulls() {
        let mut all = Numbered::default();
        all.add(&[(10, 11), (20, 20)], rows(vec![100, 110, 200], vec![1.0, 0.0, 2.0], vec![1]));
        all.add(&[(12, 13)], rows(vec![120, 130], vec![0.0, 1.3], vec![0]));
        all.sort();
        assert_eq!(all.ranges(), [(10, 13), (20, 20)]);
        assert_eq!(all.rows, rows(vec![100, 110, 120, 130, 200], vec![1.0, 0.0, 0.0, 1.3, 2.0], vec![1, 2]));
        assert_eq!(all.part(2, 5).rows, rows(vec![120, 130, 200], vec![0.0, 1.3, 2.0], vec![0]));
    }

    #[test]
    fn parts_are_nearly_equal_and_lose_nothing() {
        let count = 2 * CHUNK_ROWS_MAX + 1;
        let last = i64::try_from(count).unwrap() - 1;
        let mut all = Numbered::default();
        all.add(&[(0, last)], rows((0..=last).collect(), vec![1.0; count], vec![]));
        let parts = all.parts();
        assert_eq!(parts.iter().map(|part| part.seqs.len()).collect::<Vec<_>>(), [10_923, 10_923, 10_923]);
        assert_eq!(parts.iter().flat_map(|part| part.seqs.clone()).collect::<Vec<_>>(), all.seqs);
    }
}
