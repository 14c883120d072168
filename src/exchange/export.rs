//! An experiment as a table, a piece at a time.

use chrono::{Local, Offset, TimeZone};

use crate::domain::measure;
use crate::domain::sample::Subject;
use crate::report::csv::{Dialect, Measured, Table, ordered};
use crate::store::experiments::Experiment;
use crate::store::ordered::OrderedRows;
use crate::store::{Store, StoreError};

/// Rows written at once.
const ROWS_AT_ONCE: usize = 1_024;
/// A piece is handed on as soon as it has so many bytes; the rows that made it full add 100 kB, 2 MB with 128 columns.
const PIECE_BYTES: usize = 64 * 1024;

/// Writes the rows of an experiment as CSV.
#[derive(Debug)]
pub struct CsvExport {
    rows: OrderedRows,
    table: Table,
    is_begun: bool,
    row_count: u64,
}

impl CsvExport {
    /// Makes ready what is written of an experiment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn new(store: &Store, experiment: &Experiment, dialect: Dialect) -> Result<Self, StoreError> {
        let subject = Subject::Experiment(experiment.experiment);
        let names = ordered(store.subject_columns(subject).await?);
        let given = store.station_measures(experiment.station).await?;
        let title = |column: &String| {
            let named = given.iter().find(|measure| measure.column == *column);
            named.map_or_else(|| measure::title(column), |measure| measure.name.clone())
        };
        let columns: Vec<Measured> =
            names.iter().map(|column| Measured { column: column.clone(), title: title(column) }).collect();
        Ok(Self {
            rows: store.ordered_rows(subject, names).await?,
            table: Table::new(dialect, &columns, experiment.started_at_us, local_offset_s),
            is_begun: false,
            row_count: 0,
        })
    }

    /// The next piece of the file, the names of the columns first; `None` after the last.
    ///
    /// # Errors
    /// When the database fails or holds a damaged block.
    pub async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut piece = Vec::with_capacity(2 * PIECE_BYTES);
        if !self.is_begun {
            self.is_begun = true;
            self.table.header(&mut piece);
        }
        while piece.len() < PIECE_BYTES {
            let Some(run) = self.rows.next(ROWS_AT_ONCE).await? else { break };
            self.row_count += run.rows.len() as u64;
            self.table.rows(run.times_us, run.columns, run.rows, &mut piece);
        }
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// Rows written so far.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.row_count
    }
}

/// How far the zone of the server is from UTC at a moment (s since the epoch), s.
fn local_offset_s(second: i64) -> i32 {
    chrono::DateTime::from_timestamp(second, 0)
        .map_or(0, |at| Local.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}
