//! Reading a group of rows out of a file of the archive, and nothing else of it.

use std::sync::Arc;

use bytes::Bytes;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::page_index::RowGroupPageIndex;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{ChunkReader, Length, RowGroupReader};
use parquet::file::serialized_reader::SerializedRowGroupReader;

use super::{ChunkRows, OWN_COLUMNS};
use crate::series::chunk::CHUNK_ROWS_MAX;
use crate::series::codec::{ColumnValues, Rows};

/// Bytes at the end of a Parquet file: the length of what comes before them, and a word.
const TAIL_BYTES: usize = 8;

/// Where the directory of a file begins: bytes before its end, told by its last eight.
///
/// # Errors
/// When this is not the end of a Parquet file.
pub fn footer_bytes(tail: &[u8]) -> Result<usize, ParquetError> {
    let wrong = || ParquetError::General("it does not end as a Parquet file does".to_owned());
    let tail = tail.last_chunk::<TAIL_BYTES>().ok_or_else(wrong)?;
    let (length, word) = tail.split_at(4);
    let length = <[u8; 4]>::try_from(length).map(u32::from_le_bytes).map_err(|_| wrong())?;
    if word == b"PAR1" { Ok(length as usize + TAIL_BYTES) } else { Err(wrong()) }
}

/// The directory of a file, out of its last [`footer_bytes`] bytes or more.
///
/// # Errors
/// When the bytes are something else.
pub fn footer(end: &[u8]) -> Result<ParquetMetaData, ParquetError> {
    let length = footer_bytes(end)?;
    let from = end.len().checked_sub(length);
    let from = from.ok_or_else(|| ParquetError::General("its directory is cut off".to_owned()))?;
    ParquetMetaDataReader::decode_metadata(&end[from..end.len() - TAIL_BYTES])
}

/// Where the bytes of a group of rows lie in the file.
///
/// # Errors
/// When there is no such group, or the directory makes no sense.
pub fn group_range(footer: &ParquetMetaData, group: usize) -> Result<std::ops::Range<u64>, ParquetError> {
    let wrong = || ParquetError::General(format!("it has no group of rows {group}"));
    let group = footer.row_groups().get(group).ok_or_else(wrong)?;
    let mut range: Option<std::ops::Range<u64>> = None;
    for column in group.columns() {
        let first = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
        let first = u64::try_from(first).map_err(|_| wrong())?;
        let end = u64::try_from(column.compressed_size()).ok().and_then(|length| first.checked_add(length));
        let end = end.ok_or_else(wrong)?;
        range = Some(range.map_or(first..end, |range| range.start.min(first)..range.end.max(end)));
    }
    range.ok_or_else(wrong)
}

/// A part of a file in memory, which stands at its place in the file.
struct Part {
    start: u64,
    bytes: Bytes,
}

impl Length for Part {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Part {
    type T = std::io::Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let from = self.place(start)?;
        Ok(std::io::Cursor::new(self.bytes.slice(from..)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let from = self.place(start)?;
        let end = from.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| ParquetError::EOF("a page ends outside of its group of rows".to_owned()))?;
        Ok(self.bytes.slice(from..end))
    }
}

impl Part {
    fn place(&self, start: u64) -> Result<usize, ParquetError> {
        let place = start.checked_sub(self.start).and_then(|place| usize::try_from(place).ok());
        let place = place.filter(|place| *place <= self.bytes.len());
        place.ok_or_else(|| ParquetError::EOF("a page begins outside of its group of rows".to_owned()))
    }
}

/// Reads the rows of a group out of the bytes of [`group_range`].
///
/// # Errors
/// When the bytes are not those that were written.
pub fn read_group(
    footer: &ParquetMetaData,
    group: usize,
    bytes: Bytes,
    tick_offset_us: i64,
) -> Result<ChunkRows, ParquetError> {
    let wrong = |what: &str| ParquetError::General(format!("group of rows {group} {what}"));
    let start = group_range(footer, group)?.start;
    let metadata = footer.row_group(group);
    let count = usize::try_from(metadata.num_rows()).ok().filter(|count| (1..=CHUNK_ROWS_MAX).contains(count));
    let count = count.ok_or_else(|| wrong("is no chunk"))?;
    let part = Arc::new(Part { start, bytes });
    let properties = Arc::new(ReaderProperties::builder().build());
    let reader = SerializedRowGroupReader::new(part, metadata, RowGroupPageIndex::new(group, None), properties)?;
    let mut own: Vec<Vec<i64>> = Vec::with_capacity(OWN_COLUMNS.len());
    let mut columns = Vec::with_capacity(metadata.num_columns().saturating_sub(OWN_COLUMNS.len()));
    for place in 0..metadata.num_columns() {
        match reader.get_column_reader(place)? {
            ColumnReader::Int64ColumnReader(mut column) if place < OWN_COLUMNS.len() => {
                let mut values = Vec::with_capacity(count);
                column.read_records(count, None, None, &mut values)?;
                own.push(values);
            }
            ColumnReader::DoubleColumnReader(mut column) if place >= OWN_COLUMNS.len() => {
                let (mut packed, mut levels) = (Vec::with_capacity(count), Vec::with_capacity(count));
                column.read_records(count, Some(&mut levels), None, &mut packed)?;
                columns.push(spread(&packed, &levels, count).ok_or_else(|| wrong("lacks values"))?);
            }
            _ => return Err(wrong("has columns of another kind")),
        }
    }
    let [boots, seqs, mut times_us] =
        <[Vec<i64>; 3]>::try_from(own).map_err(|_| wrong("lacks the numbers of its rows"))?;
    if [&boots, &seqs, &times_us].iter().any(|values| values.len() != count) {
        return Err(wrong("lacks rows"));
    }
    for at_us in &mut times_us {
        *at_us = at_us.wrapping_sub(tick_offset_us);
    }
    let boot = boots[0];
    let mut seq: Vec<(i64, i64)> = Vec::new();
    for number in seqs {
        match seq.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(number) => last.1 = number,
            _ => seq.push((number, number)),
        }
    }
    Ok(ChunkRows { boot, tick_offset_us, seq, rows: Rows { times_us, columns } })
}

/// Puts values at the rows that have one.
fn spread(packed: &[f64], levels: &[i16], count: usize) -> Option<ColumnValues> {
    if levels.len() != count {
        return None;
    }
    let mut packed = packed.iter();
    let mut column = ColumnValues { values: Vec::with_capacity(count), nulls: Vec::new() };
    for (row, level) in (0_u32..).zip(levels) {
        if *level == 0 {
            column.nulls.push(row);
            column.values.push(0.0);
        } else {
            column.values.push(*packed.next()?);
        }
    }
    packed.next().is_none().then_some(column)
}
