//! `GET /streams/{id}/window.csv`: what a chart shows, every sample of it, as a file.

use actix_web::{HttpResponse, web};
use chrono::{Local, Offset, TimeZone};
use serde::Deserialize;

use crate::domain::audit::Change;
use crate::domain::ids::StreamId;
use crate::domain::measure;
use crate::domain::sample::Subject;
use crate::report::csv::{Dialect, Measured, Table, ordered};
use crate::series::codec::ColumnValues;
use crate::series::window::Piece;
use crate::store::StoreError;
use crate::web::api::series::column_names;
use crate::web::download::{Pieces, file};
use crate::web::{State, Visitor, WebError};

/// Rows read at once: a megabyte or two.
const ROWS_AT_ONCE: i64 = 50_000;
/// Shortest stretch read at once, µs.
const STRETCH_MIN_US: i64 = 1_000_000;
/// Columns when none are named.
const COLUMNS_DEFAULT: &str = "voltage_v,current_a,temperature_c,step";

/// What the chart shows.
#[derive(Debug, Deserialize)]
pub struct Query {
    /// Column names, separated by commas.
    columns: Option<String>,
    /// First moment, µs UTC; the first sample when absent.
    from_us: Option<i64>,
    /// Last moment, µs UTC; the last sample when absent.
    to_us: Option<i64>,
}

/// Most times a stretch is read because something was sealed meanwhile.
const TRIES_MAX: u32 = 5;

/// Place of a piece, and rows of it that follow each other.
type Run = (usize, std::ops::Range<usize>);

/// Writes a window a stretch at a time.
struct Window {
    state: State,
    stream: StreamId,
    columns: Vec<String>,
    table: Table,
    /// Where the next stretch begins, and the last moment, µs UTC.
    next_us: i64,
    to_us: i64,
    stretch_us: i64,
}

/// Answers with the file, sent while it is read.
///
/// # Errors
/// 404 for a stream that is not there or has no rows, 422 for columns that make no sense, 429 when the visitor fetches two
/// files already.
pub async fn csv(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<i64>,
    query: web::Query<Query>,
) -> Result<HttpResponse, WebError> {
    let stream = StreamId(*id);
    let columns = column_names(query.columns.as_deref().unwrap_or(COLUMNS_DEFAULT))?;
    let columns = ordered(columns.into_iter().map(str::to_owned).collect());
    let latest = state.store.latest(stream).await?.ok_or(WebError::NotFound("such series"))?;
    let subject = state.store.stream_subject(stream).await?.ok_or(WebError::NotFound("such series"))?;
    let (first_us, last_us) = (latest.first_at_us, latest.at_us.max(latest.first_at_us));
    let from_us = query.from_us.unwrap_or(first_us).max(first_us);
    let to_us = query.to_us.unwrap_or(last_us).min(last_us);
    state.store.check_archived(subject).await?;
    let (origin_us, about, measures) = match subject {
        Subject::Experiment(id) => {
            let experiment = state.store.experiment(id).await?.ok_or(WebError::NotFound("such experiment"))?;
            let measures = state.store.station_measures(experiment.station).await?;
            (experiment.started_at_us, format!("experiment-{id}"), measures)
        }
        Subject::Battery(id) => (None, format!("battery-{id}"), Vec::new()),
    };
    let measured = |column: &String| Measured {
        column: column.clone(),
        title: measures
            .iter()
            .find(|measure| measure.column == *column)
            .map_or_else(|| measure::title(column), |measure| measure.name.clone()),
    };
    let measured: Vec<Measured> = columns.iter().map(measured).collect();
    let actor = visitor.actor();
    let turn = state.downloads.turn(&actor.name)?;
    let change = Change::new("export window", format!("stream {stream}, {about}"));
    state.store.audit(&actor, &change, state.clock.now_us()).await?;
    let rows = latest.row_total.max(1);
    let window = Window {
        state: State::clone(&state),
        stream,
        columns,
        table: Table::new(Dialect::Cellar, &measured, origin_us, local_offset_s),
        next_us: from_us,
        to_us,
        stretch_us: ((last_us - first_us) / rows).saturating_mul(ROWS_AT_ONCE).max(STRETCH_MIN_US),
    };
    let name = format!("{about}-{}-to-{}.csv", stamp(from_us), stamp(to_us));
    Ok(file(&name, "text/csv; charset=utf-8", turn, |pieces| write(window, pieces)))
}

async fn write(mut window: Window, pieces: Pieces) {
    let mut text = Vec::new();
    window.table.header(&mut text);
    loop {
        if pieces.send(std::mem::take(&mut text)).await.is_err() {
            return;
        }
        match window.stretch(&mut text).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return pieces.fail(error).await,
        }
    }
}

impl Window {
    /// The rows of the next stretch, each once: what is sealed while it is read may be seen twice, and is then read again.
    async fn read(&self, end_us: i64) -> Result<(Vec<Piece>, Vec<Run>), StoreError> {
        let mut before = None;
        for tries in 0.. {
            let pieces = self.state.rows(self.stream, &self.columns, self.next_us, end_us).await?;
            let (order, overlaps) = runs(&pieces, self.next_us, end_us);
            let rows: usize = order.iter().map(|(_, rows)| rows.len()).sum();
            // Rows of one time in two pieces may be as they were measured: then they are there the next time, too.
            if !overlaps || before == Some(rows) || tries >= TRIES_MAX {
                return Ok((pieces, order));
            }
            before = Some(rows);
        }
        Ok(Default::default())
    }

    /// Writes the next stretch; whether there was one.
    async fn stretch(&mut self, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        if self.next_us > self.to_us {
            return Ok(false);
        }
        let end_us = self.next_us.saturating_add(self.stretch_us - 1).min(self.to_us);
        let (pieces, order) = self.read(end_us).await?;
        let pieces: Vec<(Vec<i64>, Vec<Option<ColumnValues>>)> = pieces.into_iter().map(values).collect();
        for (piece, rows) in order {
            let (times_us, columns) = &pieces[piece];
            self.table.rows(times_us, columns, rows, out);
        }
        self.next_us = end_us + 1;
        Ok(true)
    }
}

fn values(piece: Piece) -> (Vec<i64>, Vec<Option<ColumnValues>>) {
    let column = |column: crate::domain::sample::Column| ColumnValues { values: column.values, nulls: column.nulls };
    (piece.times_us, piece.columns.into_iter().map(|one| one.map(column)).collect())
}

/// Rows of the pieces that lie in a stretch, in order of time, and whether two pieces have rows of one time.
fn runs(pieces: &[Piece], from_us: i64, to_us: i64) -> (Vec<Run>, bool) {
    let mut rows: Vec<(i64, usize, usize)> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let inside = piece.times_us.iter().enumerate().filter(|(_, at_us)| (from_us..=to_us).contains(*at_us));
        rows.extend(inside.map(|(row, at_us)| (*at_us, at, row)));
    }
    // Stable: rows of the same time stay as they were stored.
    rows.sort_by_key(|(at_us, ..)| *at_us);
    let overlaps = rows.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1);
    let mut runs: Vec<Run> = Vec::new();
    for (_, piece, row) in rows {
        match runs.last_mut() {
            Some((last, run)) if *last == piece && run.end == row => run.end += 1,
            _ => runs.push((piece, row..row + 1)),
        }
    }
    (runs, overlaps)
}

/// `20261121T023418Z`
fn stamp(at_us: i64) -> String {
    chrono::DateTime::from_timestamp_micros(at_us)
        .map_or_else(String::new, |at| at.format("%Y%m%dT%H%M%SZ").to_string())
}

/// How far the zone of the server is from UTC at a moment (s since the epoch), s.
fn local_offset_s(second: i64) -> i32 {
    chrono::DateTime::from_timestamp(second, 0)
        .map_or(0, |at| Local.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_pieces_that_interleave_stand_in_order_of_time() {
        let piece = |times_us: &[i64]| Piece::of_rows(times_us.to_vec(), Vec::new());
        let pieces = [piece(&[1, 2, 6, 9]), piece(&[3, 4, 5])];
        assert_eq!(runs(&pieces, 2, 8), (vec![(0, 1..2), (1, 0..3), (0, 2..3)], false));
        assert!(runs(&[piece(&[1, 2]), piece(&[2, 3])], 0, 9).1);
    }
}
