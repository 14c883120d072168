//! Rows that arrive again: the same ones are dropped, different ones under a used number are set aside.

use crate::domain::sample::Batch;

/// Whether two rows hold the same time, columns and values, bit for bit.
fn same_row(a: &Batch, row_a: usize, b: &Batch, row_b: usize) -> bool {
    let value = |batch: &Batch, name: &str, row: usize| {
        let column = batch.columns.iter().find(|column| column.name == name)?;
        Some(column.get(row).map(f64::to_bits))
    };
    a.times_us.get(row_a) == b.times_us.get(row_b)
        && a.columns.len() == b.columns.len()
        && a.columns.iter().all(|column| value(b, &column.name, row_b) == Some(column.get(row_a).map(f64::to_bits)))
}

/// Rows of `sent` (counted from 0, both ends included) that differ from `stored` under the same number.
pub(super) fn conflicts(sent: &Batch, stored: &Batch) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    let from = sent.seq.max(stored.seq);
    let to = sent.last_seq().min(stored.last_seq());
    for seq in from..=to {
        let (Ok(row), Ok(stored_row)) = (usize::try_from(seq - sent.seq), usize::try_from(seq - stored.seq)) else {
            continue;
        };
        if same_row(sent, row, stored, stored_row) {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if last.1 + 1 == row => last.1 = row,
            _ => ranges.push((row, row)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ExperimentId;
    use crate::domain::sample::{Column, Subject, TimeBase};

    fn batch(seq: i64, values: &[f64]) -> Batch {
        Batch {
            boot: 1,
            seq,
            subject: Subject::Experiment(ExperimentId(1)),
            base: TimeBase::Utc,
            times_us: (0_i64..).zip(values).map(|(row, _)| seq + row).collect(),
            columns: vec![Column { name: "voltage_v".into(), values: values.to_vec(), nulls: vec![] }],
        }
    }

    #[test]
    fn only_rows_with_other_content_conflict() {
        let stored = batch(10, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(conflicts(&batch(12, &[3.0, 4.0, 5.0]), &stored), []);
        assert_eq!(conflicts(&batch(8, &[0.0, 0.0, 1.0, 9.0, 9.0, 4.0]), &stored), [(3, 4)]);
        assert_eq!(conflicts(&batch(20, &[1.0]), &stored), []);
        let mut renamed = batch(10, &[1.0]);
        renamed.columns[0].name = "current_a".into();
        assert_eq!(conflicts(&renamed, &stored), [(0, 0)]);
    }
}
