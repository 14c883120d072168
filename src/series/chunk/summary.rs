//! What a chunk says of each of its columns without being unpacked.

use super::put_u32;
use crate::series::codec::reader::Reader;
use crate::series::codec::{CodecError, ColumnValues};

/// Bytes of a column's summary: a count and five floats.
const SUMMARY_BYTES: usize = 4 + 5 * 8;

/// The numbers of a column in a chunk, nulls and NaN left out. Units are those of the column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub count: u32,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// The first, in the order of the rows.
    pub first: f64,
    /// The last.
    pub last: f64,
    /// Their sum.
    pub sum: f64,
}

impl Summary {
    /// Sums up a column; `None` when it has no number.
    #[must_use]
    pub fn of(column: &ColumnValues) -> Option<Self> {
        let mut nulls = column.nulls.iter().map(|null| *null as usize).peekable();
        let mut summary: Option<Self> = None;
        for (row, value) in column.values.iter().copied().enumerate() {
            if nulls.next_if_eq(&row).is_some() || value.is_nan() {
                continue;
            }
            match &mut summary {
                None => {
                    summary = Some(Self { count: 1, min: value, max: value, first: value, last: value, sum: value });
                }
                Some(summary) => {
                    summary.count += 1;
                    summary.min = summary.min.min(value);
                    summary.max = summary.max.max(value);
                    summary.last = value;
                    summary.sum += value;
                }
            }
        }
        summary
    }
}

pub(super) fn write(columns: &[ColumnValues]) -> Vec<u8> {
    let mut out = Vec::with_capacity(columns.len() * SUMMARY_BYTES);
    for summary in columns.iter().map(Summary::of) {
        put_u32(&mut out, summary.map_or(0, |summary| summary.count as usize));
        let of = |pick: fn(Summary) -> f64| summary.map_or(0.0, pick).to_le_bytes();
        out.extend(of(|summary| summary.min));
        out.extend(of(|summary| summary.max));
        out.extend(of(|summary| summary.first));
        out.extend(of(|summary| summary.last));
        out.extend(of(|summary| summary.sum));
    }
    out
}

pub(super) fn read(bytes: &[u8], index: usize) -> Result<Option<Summary>, CodecError> {
    let from = index.saturating_mul(SUMMARY_BYTES);
    let missing = CodecError::Damaged { at: 0, what: "a summary of every column" };
    let bytes = bytes.get(from..from.saturating_add(SUMMARY_BYTES)).ok_or(missing)?;
    let mut reader = Reader::new(bytes);
    let count = reader.u32()?;
    let mut float = || reader.u64().map(f64::from_bits);
    let summary = Summary { count, min: float()?, max: float()?, first: float()?, last: float()?, sum: float()? };
    Ok((count > 0).then_some(summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_leaves_out_what_is_no_number() {
        let column = ColumnValues { values: vec![9.0, f64::NAN, 2.0, -1.0, 4.0], nulls: vec![0] };
        let expected = Summary { count: 3, min: -1.0, max: 4.0, first: 2.0, last: 4.0, sum: 5.0 };
        assert_eq!(Summary::of(&column), Some(expected));
        let empty = ColumnValues { values: vec![0.0, f64::NAN], nulls: vec![0] };
        let bytes = write(&[empty, column]);
        assert_eq!(read(&bytes, 0).unwrap(), None);
        assert_eq!(read(&bytes, 1).unwrap(), Some(expected));
        assert!(read(&bytes, 2).is_err());
    }
}
