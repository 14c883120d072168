//! `GET /api/v1/streams/{id}/series` and `GET /api/v1/experiments/{id}/series`: a window of a time series, ready to draw.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{ExperimentId, StreamId};
use crate::series::window::{Series, WIDTH_MAX};
use crate::web::answer::kept_json;
use crate::web::api::compact;
use crate::web::error::archive_words;
use crate::web::{State, WebError};

/// Columns drawn when none are named.
const COLUMNS_DEFAULT: &str = "voltage_v,current_a,temperature_c";
/// Most columns of one answer: a chart with more lines cannot be read.
const COLUMNS_MAX: usize = 16;
/// Pixels assumed when none are named.
const WIDTH_DEFAULT: usize = 1_000;

/// What to draw.
#[derive(Debug, Deserialize)]
pub struct Query {
    /// Column names, separated by commas.
    columns: Option<String>,
    /// First moment, µs UTC; the first sample when absent.
    from_us: Option<i64>,
    /// Last moment, µs UTC; the last sample when absent.
    to_us: Option<i64>,
    /// Pixels of the chart.
    width: Option<usize>,
    /// How the points are written.
    #[serde(default)]
    form: Form,
}

/// How the points of an answer are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// As lists of times and values.
    #[default]
    Plain,
    /// As differences, for our own pages: see [`compact`].
    Compact,
}

/// The answer: points of all columns at common times.
#[derive(Debug, Serialize)]
struct Answer<Times, Values> {
    /// The stream the points come from.
    stream_id: StreamId,
    /// First moment of the window, µs UTC.
    from_us: i64,
    /// Last moment of the window, µs UTC.
    to_us: i64,
    /// Time of each point, µs UTC, ascending. A point without any value breaks the lines at a gap.
    #[serde(flatten)]
    times: Times,
    /// Values of each column; `null` where nothing was measured.
    columns: Vec<Points<Values>>,
    /// Gaps: last sample before, first sample after, µs UTC.
    gaps: Vec<(i64, i64)>,
    /// Width of the buckets whose lowest and highest value are drawn; `null`: every sample is drawn.
    bucket_us: Option<i64>,
    /// Samples in the window.
    rows: usize,
    /// Why only lowest and highest values are drawn, and what is not: the archive does not give the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
}

/// One column of an [`Answer`].
#[derive(Debug, Serialize)]
struct Points<Values> {
    /// Column name, its unit last.
    name: String,
    /// One per time.
    #[serde(flatten)]
    values: Values,
}

/// Times as a list.
#[derive(Debug, Serialize)]
struct PlainTimes {
    at_us: Vec<i64>,
}

/// Times as differences.
#[derive(Debug, Serialize)]
struct CompactTimes {
    at: compact::Times,
}

/// Values as a list.
#[derive(Debug, Serialize)]
struct PlainValues {
    values: Vec<Option<f64>>,
}

/// The series of a stream.
///
/// # Errors
/// 404 without such a stream, 422 for a window or columns that make no sense.
pub async fn of_stream(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<i64>,
    query: web::Query<Query>,
) -> Result<HttpResponse, WebError> {
    answer(&request, &state, StreamId(*id), &query).await
}

/// The series of an experiment.
///
/// # Errors
/// As [`of_stream`].
pub async fn of_experiment(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<i64>,
    query: web::Query<Query>,
) -> Result<HttpResponse, WebError> {
    let stream = state.stream_of(ExperimentId(*id)).await.map_err(WebError::internal)?;
    let stream = stream.ok_or(WebError::NotFound("such experiment, or it has no samples yet"))?;
    answer(&request, &state, stream, &query).await
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    stream: StreamId,
    query: &Query,
) -> Result<HttpResponse, WebError> {
    let names = column_names(query.columns.as_deref().unwrap_or(COLUMNS_DEFAULT))?;
    let width = query.width.unwrap_or(WIDTH_DEFAULT).clamp(1, WIDTH_MAX);
    let bounds = state.bounds(stream).await.map_err(WebError::internal)?;
    let (first_us, last_us) = bounds.ok_or(WebError::NotFound("such series"))?;
    let (from_us, to_us) = (query.from_us.unwrap_or(first_us), query.to_us.unwrap_or(last_us));
    if from_us > to_us {
        return Err(WebError::Invalid {
            target: "from_us",
            message: format!("{from_us} is after to_us {to_us}; ask for an earlier moment"),
        });
    }
    let drawn = state.series_or_outline(stream, &names, from_us, to_us, width).await;
    let (series, missing) = drawn.map_err(WebError::internal)?;
    let drawn = (series, missing.map(|cause| archive_words(&cause)));
    let window = (from_us, to_us);
    match query.form {
        Form::Plain => {
            let times = |at_us| PlainTimes { at_us };
            kept_json(request, &Answer::new(stream, &names, window, drawn, times, |values| PlainValues { values }))
        }
        Form::Compact => {
            let times = |at_us: Vec<i64>| CompactTimes { at: compact::Times::new(&at_us) };
            kept_json(request, &Answer::new(stream, &names, window, drawn, times, compact::Values::new))
        }
    }
}

impl<Times, Values> Answer<Times, Values> {
    fn new(
        stream_id: StreamId,
        names: &[&str],
        (from_us, to_us): (i64, i64),
        (series, missing): (Series, Option<String>),
        times: impl Fn(Vec<i64>) -> Times,
        values: impl Fn(Vec<Option<f64>>) -> Values,
    ) -> Self {
        let columns = names.iter().zip(series.columns);
        Self {
            stream_id,
            from_us,
            to_us,
            times: times(series.times_us),
            columns: columns
                .map(|(name, points)| Points { name: (*name).to_owned(), values: values(points) })
                .collect(),
            gaps: series.gaps,
            bucket_us: series.bucket_us,
            rows: series.rows,
            missing,
        }
    }
}

/// The columns of a list with commas.
///
/// # Errors
/// 422 for what is no column name, and for too many.
pub(in crate::web) fn column_names(list: &str) -> Result<Vec<&str>, WebError> {
    let names: Vec<&str> = list.split(',').map(str::trim).collect();
    let invalid = |message: String| WebError::Invalid { target: "columns", message };
    if names.len() > COLUMNS_MAX {
        return Err(invalid(format!("{} columns are too many; ask for at most {COLUMNS_MAX}", names.len())));
    }
    let is_name =
        |name: &&str| !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    match names.iter().find(|name| !is_name(name)) {
        Some(bad) => {
            Err(invalid(format!("“{bad}” is not a column name; use names like voltage_v, separated by commas")))
        }
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names_are_checked_before_anything_is_read() {
        assert_eq!(column_names("voltage_v, current_a").unwrap(), ["voltage_v", "current_a"]);
        for bad in ["", "voltage_v,", "Voltage", "a;b"] {
            assert!(column_names(bad).is_err(), "{bad}");
        }
        assert!(column_names(&["a"; COLUMNS_MAX + 1].join(",")).is_err());
    }
}
