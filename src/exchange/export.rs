//! An experiment as a table, a piece at a time.

use chrono::{Local, Offset, TimeZone};

use super::format::Format;
use crate::domain::measure;
use crate::domain::sample::Subject;
use crate::report::csv::{Dialect, Measured, Table, ordered};
use crate::report::parquet::{ParquetTable, WriteError};
use crate::report::sql::SqlTable;
use crate::report::zip::ZipError;
use crate::store::experiments::Experiment;
use crate::store::ordered::OrderedRows;
use crate::store::{Store, StoreError};

/// Rows written at once.
const ROWS_AT_ONCE: usize = 1_024;
/// A piece is handed on as soon as it has so many bytes; the rows that made it full add 100 kB, 2 MB with 128 columns, and
/// of Parquet a group of rows.
const PIECE_BYTES: usize = 64 * 1024;

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The rows cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be packed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The zip cannot be written.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// What is told of the experiment cannot be written.
    #[error("the report cannot be written")]
    Report(#[from] askama::Error),
}

/// Writes the rows of an experiment as a table. Packing keeps a processor busy: not for a thread that answers requests.
#[derive(Debug)]
pub struct TableExport {
    rows: OrderedRows,
    form: Form,
    is_begun: bool,
    is_ended: bool,
    row_count: u64,
}

#[derive(Debug)]
enum Form {
    Csv(Box<Table>),
    Parquet(Box<ParquetTable>),
    Sql(SqlTable),
}

impl TableExport {
    /// Makes ready an experiment in a form; `None` for a form that is no single table.
    ///
    /// # Errors
    /// When the database fails, or two columns have one name.
    pub async fn of(store: &Store, experiment: &Experiment, format: Format) -> Result<Option<Self>, ExportError> {
        Ok(match format {
            Format::Csv(dialect) => Some(Self::csv(store, experiment, dialect).await?),
            Format::Parquet(dialect) => Some(Self::parquet(store, experiment, dialect).await?),
            Format::Sql => Some(Self::sql(store, experiment).await?),
            Format::RoCrate => None,
        })
    }

    /// Makes ready the CSV of an experiment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn csv(store: &Store, experiment: &Experiment, dialect: Dialect) -> Result<Self, ExportError> {
        let columns = measured(store, experiment).await?;
        let table = Table::new(dialect, &columns, experiment.started_at_us, local_offset_s);
        Self::new(store, experiment, &columns, Form::Csv(Box::new(table))).await
    }

    /// Makes ready the Parquet file of an experiment, with names of the Battery Data Format.
    ///
    /// # Errors
    /// When the database fails, or two columns have one name.
    async fn parquet(store: &Store, experiment: &Experiment, dialect: Dialect) -> Result<Self, ExportError> {
        let columns = measured(store, experiment).await?;
        let table = ParquetTable::new(dialect, &columns, experiment.started_at_us)?;
        Self::new(store, experiment, &columns, Form::Parquet(Box::new(table))).await
    }

    /// Makes ready the rows of an experiment as SQL.
    ///
    /// # Errors
    /// When the database fails.
    async fn sql(store: &Store, experiment: &Experiment) -> Result<Self, ExportError> {
        let columns = measured(store, experiment).await?;
        let table = SqlTable::new(experiment.experiment.0, &columns);
        Self::new(store, experiment, &columns, Form::Sql(table)).await
    }

    async fn new(
        store: &Store,
        experiment: &Experiment,
        columns: &[Measured],
        form: Form,
    ) -> Result<Self, ExportError> {
        let names = columns.iter().map(|measured| measured.column.clone()).collect();
        let rows = store.ordered_rows(Subject::Experiment(experiment.experiment), names).await?;
        Ok(Self { rows, form, is_begun: false, is_ended: false, row_count: 0 })
    }

    /// The next piece of the file; `None` after the last.
    ///
    /// # Errors
    /// When the database fails or holds a damaged block.
    pub async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        let mut piece = Vec::with_capacity(2 * PIECE_BYTES);
        if !self.is_begun {
            self.is_begun = true;
            match &self.form {
                Form::Csv(table) => table.header(&mut piece),
                Form::Sql(table) => table.header(&mut piece),
                Form::Parquet(_) => {}
            }
        }
        while piece.len() < PIECE_BYTES && !self.is_ended {
            let Some(run) = self.rows.next(ROWS_AT_ONCE).await? else {
                self.is_ended = true;
                match &mut self.form {
                    Form::Csv(_) => {}
                    Form::Sql(table) => table.finish(&mut piece),
                    Form::Parquet(table) => piece.extend(table.finish()?),
                }
                break;
            };
            self.row_count += run.rows.len() as u64;
            match &mut self.form {
                Form::Csv(table) => table.rows(&run.block.times_us, &run.block.columns, run.rows, &mut piece),
                Form::Sql(table) => table.rows(&run.block.times_us, &run.block.columns, run.rows, &mut piece),
                Form::Parquet(table) => {
                    table.rows(&run.block.times_us, &run.block.columns, run.rows)?;
                    piece.extend(table.take());
                }
            }
        }
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// Rows written so far.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.row_count
    }
}

/// The columns of an experiment in the order in which they are written, with the names people gave them.
async fn measured(store: &Store, experiment: &Experiment) -> Result<Vec<Measured>, StoreError> {
    let names = ordered(store.subject_columns(Subject::Experiment(experiment.experiment)).await?);
    let given = store.station_measures(experiment.station).await?;
    let title = |column: &String| {
        let named = given.iter().find(|measure| measure.column == *column);
        named.map_or_else(|| measure::title(column), |measure| measure.name.clone())
    };
    Ok(names.iter().map(|column| Measured { column: column.clone(), title: title(column) }).collect())
}

/// How far the zone of the server is from UTC at a moment (s since the epoch), s.
fn local_offset_s(second: i64) -> i32 {
    chrono::DateTime::from_timestamp(second, 0)
        .map_or(0, |at| Local.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}
