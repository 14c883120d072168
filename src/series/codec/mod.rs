//! The bytes of a block: columns as integers wherever that gives back every bit.
//!
//! The layout is described in `docs/database.md`. A block names its codec by number, so older blocks stay readable:
//! 0 is the journal codec of this module; 1 (pco) and 2 (delta, varint, zstd) are [`chunks`](super::chunk).

mod integers;
pub(super) mod reader;
pub(crate) mod scale;

use crate::domain::sample::{BATCH_COLUMNS_MAX, BATCH_ROWS_MAX, Column};
use reader::Reader;

use super::chunk::View;

/// Number of the journal codec.
pub const CODEC_JOURNAL: i64 = 0;
/// Number of the codec of sealed chunks.
pub const CODEC_PCO: i64 = 1;
/// Number of the codec of sealed chunks that needs no pco.
pub const CODEC_ZSTD: i64 = 2;
/// Number of what stands for a chunk whose rows are in the archive: the store knows where.
pub const CODEC_ARCHIVED: i64 = 3;
/// First byte of a journal block: the version of its layout.
const JOURNAL_VERSION: u8 = 1;

pub(super) const KIND_SCALED: u8 = 0;
pub(super) const KIND_FLOAT: u8 = 1;
/// Added to the kind when a list of null rows follows the values.
pub(super) const FLAG_NULLS: u8 = 0x80;

/// Why a block could not be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by a newer version, or not a block.
    #[error("block codec {0} is not known to this version")]
    UnknownCodec(i64),
    /// The checksum does not fit: the bytes changed since they were written.
    #[error("block checksum is {found:08x}, {expected:08x} was stored with it")]
    Checksum {
        /// CRC-32 stored beside the block.
        expected: u32,
        /// CRC-32 of the bytes found.
        found: u32,
    },
    /// The checksum fits but the content does not follow the layout.
    #[error("block is damaged at byte {at}: {what}")]
    Damaged {
        /// Offset of the first byte that does not fit.
        at: usize,
        /// What was expected there.
        what: &'static str,
    },
}

/// Times and columns of a block, the names left out: they are stored once per column set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// Time of each row, µs, in the clock of the batch.
    pub times_us: Vec<i64>,
    /// Values and nulls of each column, in the order of the column set.
    pub columns: Vec<ColumnValues>,
}

/// The values of one column; as in [`Column`], null rows hold no meaning.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnValues {
    /// One per row.
    pub values: Vec<f64>,
    /// Null rows, ascending.
    pub nulls: Vec<u32>,
}

/// CRC-32 (IEEE) of a block's bytes, as stored beside it.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// Writes a batch's rows with the journal codec. Every `f64` comes back bit for bit.
#[must_use]
pub fn encode(times_us: &[i64], columns: &[Column]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + times_us.len() * 2 * (columns.len() + 1));
    out.push(JOURNAL_VERSION);
    put_u32(&mut out, times_us.len());
    put_u32(&mut out, columns.len());
    integers::put_times(&mut out, times_us);
    let mut scaled = Vec::with_capacity(times_us.len());
    for column in columns {
        put_column(&mut out, column, &mut scaled);
    }
    out
}

fn put_column(out: &mut Vec<u8>, column: &Column, scaled: &mut Vec<i64>) {
    let nulls = if column.nulls.is_empty() { 0 } else { FLAG_NULLS };
    let without_nulls;
    let values = if column.nulls.is_empty() {
        &column.values
    } else {
        without_nulls = filled(&column.values, &column.nulls);
        &without_nulls
    };
    match scale::find(values, scaled) {
        Some(decimals) => {
            out.extend([KIND_SCALED | nulls, decimals]);
            integers::put(out, scaled);
        }
        None => {
            out.push(KIND_FLOAT | nulls);
            for value in values {
                out.extend(value.to_bits().to_le_bytes());
            }
        }
    }
    if nulls != 0 {
        put_u32(out, column.nulls.len());
        for row in &column.nulls {
            out.extend(row.to_le_bytes());
        }
    }
}

/// The values with null rows taking the value before them, so that they cost no width. `nulls` ascend.
pub(super) fn filled(values: &[f64], nulls: &[u32]) -> Vec<f64> {
    let mut is_null = vec![false; values.len()];
    for row in nulls {
        if let Some(place) = is_null.get_mut(*row as usize) {
            *place = true;
        }
    }
    let first = values.iter().zip(&is_null).find(|(_, is_null)| !**is_null);
    let mut last = first.map_or(0.0, |(value, _)| *value);
    let fill = |(value, is_null): (&f64, &bool)| {
        last = if *is_null { last } else { *value };
        last
    };
    values.iter().zip(&is_null).map(fill).collect()
}

/// Fails when the bytes are not those the checksum was made of.
pub(super) fn checked(expected: u32, bytes: &[u8]) -> Result<(), CodecError> {
    let found = checksum(bytes);
    if found == expected { Ok(()) } else { Err(CodecError::Checksum { expected, found }) }
}

/// Reads a block back after checking its checksum.
///
/// # Errors
/// [`CodecError`] when the codec is unknown, or the bytes are not what was written.
pub fn decode(codec: i64, expected: u32, bytes: &[u8]) -> Result<Rows, CodecError> {
    if codec != CODEC_JOURNAL {
        let view = View::open(codec, expected, bytes)?;
        let columns = (0..view.column_count()).map(|index| view.column(index)).collect::<Result<_, _>>()?;
        return Ok(Rows { times_us: view.times_us()?, columns });
    }
    checked(expected, bytes)?;
    let mut reader = Reader::new(bytes);
    if reader.u8()? != JOURNAL_VERSION {
        return Err(reader.damaged("a layout version this program knows"));
    }
    let rows = reader.count(BATCH_ROWS_MAX, "a number of rows within the limit")?;
    let column_count = reader.count(BATCH_COLUMNS_MAX, "a number of columns within the limit")?;
    let times_us = integers::read_times(&mut reader, rows)?;
    let columns = (0..column_count).map(|_| read_column(&mut reader, rows)).collect::<Result<_, _>>()?;
    if !reader.is_empty() {
        return Err(reader.damaged("the end of the block"));
    }
    Ok(Rows { times_us, columns })
}

fn read_column(reader: &mut Reader<'_>, rows: usize) -> Result<ColumnValues, CodecError> {
    let kind = reader.u8()?;
    let values = match kind & !FLAG_NULLS {
        KIND_SCALED => {
            let decimals = reader.u8()?;
            let divisor = scale::divisor(decimals).ok_or_else(|| reader.damaged("a scale of 0 to 9 decimals"))?;
            integers::read(reader, rows)?.into_iter().map(|scaled| scale::value(scaled, divisor)).collect()
        }
        KIND_FLOAT => (0..rows).map(|_| reader.u64().map(f64::from_bits)).collect::<Result<_, _>>()?,
        _ => return Err(reader.damaged("a kind of column this program knows")),
    };
    let mut nulls = Vec::new();
    if kind & FLAG_NULLS != 0 {
        let count = reader.count(rows, "at most one null per row")?;
        for _ in 0..count {
            let row = reader.u32()?;
            if nulls.last().is_some_and(|last| *last >= row) || row as usize >= rows {
                return Err(reader.damaged("ascending null rows"));
            }
            nulls.push(row);
        }
    }
    Ok(ColumnValues { values, nulls })
}

fn put_u32(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(values: Vec<f64>, nulls: Vec<u32>) -> Column {
        Column { name: "voltage_v".into(), values, nulls }
    }

    fn round_trip(times_us: &[i64], columns: &[Column]) -> Vec<u8> {
        let bytes = encode(times_us, columns);
        let rows = decode(CODEC_JOURNAL, checksum(&bytes), &bytes).unwrap();
        assert_eq!(rows.times_us, times_us);
        assert_eq!(rows.columns.len(), columns.len());
        for (found, sent) in rows.columns.iter().zip(columns) {
            assert_eq!(found.nulls, sent.nulls);
            for (row, value) in found.values.iter().enumerate() {
                if !sent.nulls.iter().any(|null| *null as usize == row) {
                    assert_eq!(value.to_bits(), sent.values[row].to_bits(), "row {row}");
                }
            }
        }
        bytes
    }

    #[test]
    fn instrument_values_take_two_bytes_a_piece() {
        let times: Vec<i64> = (0..50).map(|row| 1_790_000_000_000_000 + row * 100_000).collect();
        let voltage = column((0..50).map(|row| f64::from(36_000 + row * 7) / 1e4).collect(), vec![]);
        let bytes = round_trip(&times, std::slice::from_ref(&voltage));
        // 9 head, 18 + 0 for evenly spaced times, 12 + 2 x 50 for the voltage.
        assert!(bytes.len() < 145, "{} bytes", bytes.len());
    }

    #[test]
    fn odd_values_survive_bit_for_bit() {
        let odd = vec![
            -0.0,
            f64::NAN,
            f64::INFINITY,
            f64::MIN_POSITIVE,
            5e-324,
            1.0 / 3.0,
            f64::MAX,
            f64::from_bits(0x7ff8_0000_0000_1234),
        ];
        let times: Vec<i64> = vec![i64::MIN, i64::MAX, 0, -1, 1, i64::MAX, i64::MIN, 7];
        round_trip(&times, &[column(odd.clone(), vec![]), column(odd, vec![0, 3, 7])]);
        round_trip(&[], &[column(vec![], vec![])]);
        round_trip(&[1], &[column(vec![0.0], vec![0])]);
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let mut bytes = encode(&[1, 2], &[column(vec![3.1, 3.2], vec![])]);
        let stored = checksum(&bytes);
        bytes[12] ^= 1;
        assert!(matches!(decode(CODEC_JOURNAL, stored, &bytes), Err(CodecError::Checksum { .. })));
        assert_eq!(decode(9, stored, &bytes), Err(CodecError::UnknownCodec(9)));
    }

    proptest! {
        #[test]
        fn any_bits_come_back(rows in prop::collection::vec((any::<i64>(), any::<u64>(), -40_000_i32..40_000, any::<bool>()), 0..200), decimals in 0_i32..10) {
            let times: Vec<i64> = rows.iter().map(|row| row.0).collect();
            let nulls: Vec<u32> = (0..).zip(&rows).filter(|(_, row)| row.3).map(|(index, _)| index).collect();
            let scale = 10_f64.powi(decimals);
            let columns = [
                column(rows.iter().map(|row| f64::from_bits(row.1)).collect(), nulls.clone()),
                column(rows.iter().map(|row| f64::from(row.2) / scale).collect(), nulls),
                column(rows.iter().map(|row| f64::from(row.2) / scale).collect(), vec![]),
            ];
            round_trip(&times, &columns);
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), head in any::<bool>()) {
            let mut bytes = bytes;
            if head {
                bytes.splice(0..0, [JOURNAL_VERSION, 3, 0, 0, 0, 1, 0, 0, 0]);
            }
            let _ = decode(CODEC_JOURNAL, checksum(&bytes), &bytes);
        }
    }
}
