//! Measured rows as Parquet: the Battery Data Format, column by column, a group of rows at a time.

use std::mem::take;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, Repetition, Type as Kind, ZstdLevel};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

use super::csv::layout::{Field, fields};
use super::csv::{Dialect, Measured, Steps};
use crate::series::codec::ColumnValues;

/// Rows of a group: what is held in memory, 1 MB a column.
const GROUP_ROWS: usize = 131_072;
/// Effort of zstd: above this files get 2 % smaller and take twice as long.
const ZSTD_LEVEL: i32 = 1;
/// Different values of a column in a group that are still worth a dictionary, in bytes.
const DICTIONARY_BYTES: usize = 512 * 1024;
/// Microseconds of a second.
const SECOND_US: f64 = 1e6;

/// Why no file can be written.
#[derive(Debug, thiserror::Error)]
#[error("the Parquet file cannot be written")]
pub struct WriteError(#[from] ParquetError);

/// Writes the rows of one experiment. What is no number (NaN, infinite) is null, as the format wants it.
#[derive(Debug)]
pub struct ParquetTable {
    columns: Vec<Column>,
    writer: SerializedFileWriter<Vec<u8>>,
    rows: usize,
    origin_us: Option<i64>,
    steps: Steps,
}

#[derive(Debug)]
struct Column {
    field: Field,
    numbers: Numbers,
}

/// Values of the group that is being gathered.
#[derive(Debug)]
enum Numbers {
    /// Derived: one for every row.
    Whole(Vec<i64>),
    /// Derived: one for every row.
    Float(Vec<f64>),
    /// Measured: those that are numbers, and for each row 1 when it has one.
    Measured(Vec<f64>, Vec<i16>),
}

impl ParquetTable {
    /// A table of `columns`, which [`super::csv::ordered`] has put in order, under the names of a dialect of the Battery
    /// Data Format. `origin_us` is when the experiment began; without it the first row is the origin.
    ///
    /// # Errors
    /// [`WriteError`] when two columns have one name.
    pub fn new(dialect: Dialect, columns: &[Measured], origin_us: Option<i64>) -> Result<Self, WriteError> {
        let (mut schema, mut kept) = (Vec::new(), Vec::new());
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by(concat!("cellar ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![KeyValue::new("bdf_version".to_owned(), "1.3.0".to_owned())]));
        for (field, name) in fields(dialect, columns) {
            let (kind, numbers, repetition) = match field {
                Field::Elapsed | Field::Unix => (Kind::DOUBLE, Numbers::Float(Vec::new()), Repetition::REQUIRED),
                Field::StepCount { .. } => (Kind::INT64, Numbers::Whole(Vec::new()), Repetition::REQUIRED),
                _ => (Kind::DOUBLE, Numbers::Measured(Vec::new(), Vec::new()), Repetition::OPTIONAL),
            };
            if matches!(numbers, Numbers::Float(_)) {
                // Every moment is another one: a dictionary would only be given up again.
                let path = ColumnPath::from(vec![name.clone()]);
                properties = properties.set_column_dictionary_enabled(path.clone(), false);
                properties = properties.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT);
            }
            schema.push(Arc::new(Type::primitive_type_builder(&name, kind).with_repetition(repetition).build()?));
            kept.push(Column { field, numbers });
        }
        let schema = Type::group_type_builder("schema").with_fields(schema).build()?;
        let writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build()))?;
        Ok(Self { columns: kept, writer, rows: 0, origin_us, steps: Steps::default() })
    }

    /// Adds rows: their times, and for each column of [`ParquetTable::new`] its values, if these rows have it. `rows` are
    /// places in both.
    ///
    /// # Errors
    /// [`WriteError`] when a group of rows cannot be packed.
    pub fn rows(
        &mut self,
        times_us: &[i64],
        columns: &[Option<ColumnValues>],
        rows: Range<usize>,
    ) -> Result<(), WriteError> {
        let mut rest = rows;
        while !rest.is_empty() {
            let now = rest.start..rest.end.min(rest.start + GROUP_ROWS - self.rows);
            self.gather(times_us, columns, now.clone());
            self.rows += now.len();
            rest.start = now.end;
            if self.rows == GROUP_ROWS {
                self.write_group()?;
            }
        }
        Ok(())
    }

    /// Bytes of the file that are ready.
    pub fn take(&mut self) -> Vec<u8> {
        take(self.writer.inner_mut())
    }

    /// Ends the file; what is left of it.
    ///
    /// # Errors
    /// [`WriteError`] when the last group of rows cannot be packed.
    pub fn finish(&mut self) -> Result<Vec<u8>, WriteError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.writer.finish()?;
        Ok(self.take())
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 stay below 2^53 until 2255")]
    fn gather(&mut self, times_us: &[i64], columns: &[Option<ColumnValues>], rows: Range<usize>) {
        let Some(first_us) = times_us.get(rows.start) else { return };
        let origin_us = *self.origin_us.get_or_insert(*first_us);
        let times_us = &times_us[rows.clone()];
        for column in &mut self.columns {
            match (&mut column.numbers, column.field) {
                (Numbers::Float(values), Field::Elapsed) => {
                    values.extend(times_us.iter().map(|at_us| at_us.saturating_sub(origin_us) as f64 / SECOND_US));
                }
                (Numbers::Float(values), _) => values.extend(times_us.iter().map(|at_us| *at_us as f64 / SECOND_US)),
                (Numbers::Whole(values), Field::StepCount { step, cycle }) => {
                    let of = |place: Option<usize>| place.and_then(|place| columns.get(place)?.as_ref());
                    let (step, cycle) = (of(Some(step)), of(cycle));
                    let value = |column: Option<&ColumnValues>, row: usize| {
                        let column = column?;
                        let is_null = u32::try_from(row).is_ok_and(|row| column.nulls.binary_search(&row).is_ok());
                        column.values.get(row).copied().filter(|_| !is_null)
                    };
                    values.extend(rows.clone().map(|row| {
                        i64::try_from(self.steps.next(value(step, row), value(cycle, row))).unwrap_or(i64::MAX)
                    }));
                }
                (Numbers::Whole(values), _) => values.resize(values.len() + rows.len(), 0),
                (Numbers::Measured(values, levels), field) => {
                    let place = match field {
                        Field::Value(place) | Field::Finite(place) | Field::Whole { column: place, .. } => Some(place),
                        _ => None,
                    };
                    let measured = place.and_then(|place| columns.get(place)?.as_ref());
                    measured_in(measured, rows.clone(), values, levels);
                }
            }
        }
    }

    fn write_group(&mut self) -> Result<(), WriteError> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            match &mut column.numbers {
                Numbers::Whole(values) => {
                    writer.typed::<Int64Type>().write_batch(values, None, None)?;
                    values.clear();
                }
                Numbers::Float(values) => {
                    writer.typed::<DoubleType>().write_batch(values, None, None)?;
                    values.clear();
                }
                Numbers::Measured(values, levels) => {
                    writer.typed::<DoubleType>().write_batch(values, Some(levels), None)?;
                    values.clear();
                    levels.clear();
                }
            }
            writer.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// Adds the numbers of these rows, and which rows have one.
fn measured_in(column: Option<&ColumnValues>, rows: Range<usize>, values: &mut Vec<f64>, levels: &mut Vec<i16>) {
    let measured = column.and_then(|column| Some((column.values.get(rows.clone())?, &column.nulls)));
    let start = rows.start;
    let Some((found, nulls)) = measured else { return levels.resize(levels.len() + rows.len(), 0) };
    let mut nulls = nulls.iter().map(|null| *null as usize).skip_while(|null| *null < start).peekable();
    for (row, value) in rows.zip(found) {
        let is_there = nulls.next_if_eq(&row).is_none() && value.is_finite();
        levels.push(i16::from(is_there));
        if is_there {
            values.push(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field as Cell;

    use super::*;

    #[test]
    fn rows_are_read_back_with_their_names_nulls_and_steps() {
        let named = |column: &str| Measured { column: column.to_owned(), title: String::new() };
        let columns = ["step", "voltage_v", "current_a", "odd"].map(named);
        let mut table = ParquetTable::new(Dialect::BdfMachine, &columns, None).unwrap();
        let column = |values: &[f64], nulls: &[u32]| Some(ColumnValues { values: values.into(), nulls: nulls.into() });
        let values =
            [column(&[1.0, 1.0, 2.0], &[]), column(&[3.7, f64::NAN, 3.9], &[]), column(&[-1.0, 0.0, 1.0], &[1]), None];
        table.rows(&[5_000_000, 5_500_000, 6_000_000], &values, 0..3).unwrap();
        let bytes = [table.take(), table.finish().unwrap()].concat();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows: Vec<Vec<(String, Cell)>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().get_column_iter().map(|(name, cell)| (name.clone(), cell.clone())).collect())
            .collect();
        let names: Vec<&str> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
        let expected =
            ["test_time_second", "voltage_volt", "current_ampere", "unix_time_second", "step_count", "step_id", "odd"];
        assert_eq!(names, expected);
        let cells = |row: usize| rows[row].iter().map(|(_, cell)| cell.clone()).collect::<Vec<_>>();
        let number = Cell::Double;
        assert_eq!(
            cells(0),
            [number(0.0), number(3.7), number(-1.0), number(5.0), Cell::Long(1), number(1.0), Cell::Null]
        );
        assert_eq!(
            cells(1),
            [number(0.5), Cell::Null, Cell::Null, number(5.5), Cell::Long(1), number(1.0), Cell::Null]
        );
        assert_eq!(
            cells(2),
            [number(1.0), number(3.9), number(1.0), number(6.0), Cell::Long(2), number(2.0), Cell::Null]
        );
    }

    #[test]
    fn a_long_experiment_is_several_groups_of_rows() {
        let columns = [Measured { column: "voltage_v".to_owned(), title: String::new() }];
        let mut table = ParquetTable::new(Dialect::Bdf, &columns, Some(0)).unwrap();
        let times: Vec<i64> = (0..300_000).map(|row| row * 1_000).collect();
        let values = [Some(ColumnValues { values: vec![3.7; times.len()], nulls: vec![] })];
        table.rows(&times, &values, 0..times.len()).unwrap();
        let bytes = [table.take(), table.finish().unwrap()].concat();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows: Vec<i64> =
            reader.metadata().row_groups().iter().map(parquet::file::metadata::RowGroupMetaData::num_rows).collect();
        assert_eq!(rows, [131_072, 131_072, 37_856]);
    }
}
