//! A file of the archive: an open Parquet file whose groups of rows are chunks, and how its rows come back bit for bit.
//!
//! The first three columns say which row it is and when; the others are what was measured, under the names it has
//! everywhere. A null is a null, everything else keeps its bits: the signs of zeros, what a NaN carries.

mod read;

use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Kind, ZstdLevel};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

pub use read::{footer, footer_bytes, group_range, read_group};

use crate::series::codec::{ColumnValues, Rows};

/// Effort of zstd: its usual one. A file is written once and kept for years.
const ZSTD_LEVEL: i32 = 3;
/// Different values of a column in a chunk that are still worth a dictionary, in bytes.
const DICTIONARY_BYTES: usize = 64 * 1024;
/// Columns before the measured ones.
const OWN_COLUMNS: [&str; 3] = ["boot", "seq", "time_utc"];

/// The rows of a chunk with their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkRows {
    /// Boot of the device.
    pub boot: i64,
    /// What to add to the times to get UTC, µs.
    pub tick_offset_us: i64,
    /// Numbers of the rows: ascending ranges, both ends included.
    pub seq: Vec<(i64, i64)>,
    /// Times in the clock of the device, and values.
    pub rows: Rows,
}

impl ChunkRows {
    /// CRC-32 of everything that must come back, to the bit: boot, numbers, times, which rows are null, all other values.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.boot.to_le_bytes());
        for (first, last) in &self.seq {
            crc.update(&first.to_le_bytes());
            crc.update(&last.to_le_bytes());
        }
        let times: Vec<u8> = self.rows.times_us.iter().flat_map(|at_us| at_us.to_le_bytes()).collect();
        crc.update(&times);
        for column in &self.rows.columns {
            let mut bytes: Vec<u8> = column.nulls.iter().flat_map(|row| row.to_le_bytes()).collect();
            bytes.extend(u32::try_from(column.nulls.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(present(column).flat_map(|value| value.to_bits().to_le_bytes()));
            crc.update(&bytes);
        }
        crc.finalize()
    }
}

/// The values of the rows that are not null.
fn present(column: &ColumnValues) -> impl Iterator<Item = f64> + '_ {
    let mut nulls = column.nulls.iter().map(|null| *null as usize).peekable();
    let rows = column.values.iter().copied().enumerate();
    rows.filter(move |(row, _)| nulls.next_if_eq(row).is_none()).map(|(_, value)| value)
}

/// Writes chunks of the same columns as a file, with facts about them in its metadata.
///
/// # Errors
/// When a chunk does not have as many columns as there are names.
pub fn write(names: &[String], facts: &[(String, String)], chunks: &[ChunkRows]) -> Result<Vec<u8>, ParquetError> {
    let names = own_and_measured(names);
    let facts = facts.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(concat!("cellar ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(facts));
    let mut schema = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        let path = ColumnPath::from(vec![name.clone()]);
        let column = match place {
            0..=2 => {
                // Numbers and times follow each other: their differences are what is small.
                if place > 0 {
                    properties = properties
                        .set_column_dictionary_enabled(path.clone(), false)
                        .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
                }
                let time = (place == 2).then(|| LogicalType::timestamp(true, TimeUnit::MICROS));
                Type::primitive_type_builder(name, Kind::INT64)
                    .with_repetition(Repetition::REQUIRED)
                    .with_logical_type(time)
            }
            _ => {
                properties = properties.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT);
                Type::primitive_type_builder(name, Kind::DOUBLE).with_repetition(Repetition::OPTIONAL)
            }
        };
        schema.push(Arc::new(column.build()?));
    }
    let schema = Type::group_type_builder("schema").with_fields(schema).build()?;
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build()))?;
    for chunk in chunks {
        write_chunk(&mut writer, chunk)?;
    }
    writer.into_inner()
}

fn write_chunk(writer: &mut SerializedFileWriter<Vec<u8>>, chunk: &ChunkRows) -> Result<(), ParquetError> {
    let count = chunk.rows.times_us.len();
    let seq: Vec<i64> = chunk.seq.iter().flat_map(|(first, last)| *first..=*last).collect();
    let times = chunk.rows.times_us.iter().map(|at_us| at_us.wrapping_add(chunk.tick_offset_us)).collect();
    let mut group = writer.next_row_group()?;
    for own in [vec![chunk.boot; count], seq, times] {
        let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column is missing".to_owned()))?;
        column.typed::<Int64Type>().write_batch(&own, None, None)?;
        column.close()?;
    }
    for measured in &chunk.rows.columns {
        let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a name is missing".to_owned()))?;
        let mut levels = vec![1_i16; count];
        for null in &measured.nulls {
            if let Some(level) = levels.get_mut(*null as usize) {
                *level = 0;
            }
        }
        let values: Vec<f64> = present(measured).collect();
        column.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        column.close()?;
    }
    group.close()?;
    Ok(())
}

/// The names of all columns, each once: a measured one that is named like one of ours gets `_measured` at its end.
#[must_use]
pub fn own_and_measured(names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = OWN_COLUMNS.map(str::to_owned).into();
    for name in names {
        let mut name = name.clone();
        while all.contains(&name) {
            name.push_str("_measured");
        }
        all.push(name);
    }
    all
}

#[cfg(test)]
mod tests;
