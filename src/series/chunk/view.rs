//! A chunk as it lies in the database: what is asked for is unpacked, and nothing else.

use super::packing::Packing;
use super::{CHUNK_ROWS_MAX, SECTIONS, Summary, VERSION, column, runs, summary};
use crate::domain::sample::BATCH_COLUMNS_MAX;
use crate::series::codec::reader::Reader;
use crate::series::codec::{CodecError, ColumnValues, checked};

/// A chunk whose checksum and directory are right.
#[derive(Debug, Clone)]
pub struct View<'a> {
    packing: Packing,
    rows: usize,
    sections: Vec<&'a [u8]>,
}

impl<'a> View<'a> {
    /// Looks at the bytes of a chunk.
    ///
    /// # Errors
    /// [`CodecError`] when they are not what was written, or of no codec for chunks.
    pub fn open(codec: i64, expected: u32, bytes: &'a [u8]) -> Result<Self, CodecError> {
        let packing = Packing::of_codec(codec).ok_or(CodecError::UnknownCodec(codec))?;
        checked(expected, bytes)?;
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(reader.damaged("a layout version this program knows"));
        }
        let rows = reader.count(CHUNK_ROWS_MAX, "a number of rows within the limit")?;
        let columns = reader.count(BATCH_COLUMNS_MAX, "a number of columns within the limit")?;
        let lengths: Vec<usize> =
            (0..SECTIONS + columns).map(|_| reader.u32().map(|length| length as usize)).collect::<Result<_, _>>()?;
        let sections = lengths.into_iter().map(|length| reader.take(length)).collect::<Result<_, _>>()?;
        if !reader.is_empty() {
            return Err(reader.damaged("the end of the chunk"));
        }
        Ok(Self { packing, rows, sections })
    }

    /// How many rows.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// How many columns.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.sections.len() - SECTIONS
    }

    /// The numbers of the rows: ascending ranges, both ends included.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes do not follow the layout.
    pub fn seq_ranges(&self) -> Result<Vec<(i64, i64)>, CodecError> {
        runs::read_ranges(self.packing, self.sections[0], self.rows, self.rows as u64)
    }

    /// The time of each row, µs, in the clock of the device.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes do not follow the layout.
    pub fn times_us(&self) -> Result<Vec<i64>, CodecError> {
        self.packing.read_integers(self.sections[1], self.rows)
    }

    /// Lowest, highest, first and last number and the sum of a column, by its place in the column set, without unpacking
    /// it; `None` when it has no number.
    ///
    /// # Errors
    /// [`CodecError`] when there is no such column, or the chunk has no summaries.
    pub fn summary(&self, index: usize) -> Result<Option<Summary>, CodecError> {
        summary::read(self.sections[2], index)
    }

    /// The values of a column, by its place in the column set.
    ///
    /// # Errors
    /// [`CodecError`] when there is no such column, or its bytes do not follow the layout.
    pub fn column(&self, index: usize) -> Result<ColumnValues, CodecError> {
        let section = index.checked_add(SECTIONS).and_then(|index| self.sections.get(index));
        let section = section.ok_or(CodecError::Damaged { at: 0, what: "as many columns as the column set" })?;
        column::read(self.packing, section, self.rows)
    }
}
