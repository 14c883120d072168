//! The chart as a table.

use crate::series::window::Series;
use crate::web::page::{clock_time, iso_time};

use super::numbers::{elapsed_text, value_text};

/// Most rows of the table: as many as somebody reads; the series address has all of them.
const ROWS_MAX: usize = 60;

/// One moment.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// RFC 3339, UTC.
    pub iso: String,
    /// Wall clock of the server.
    pub clock: String,
    /// Test time since the experiment began; empty for probes.
    pub elapsed: String,
    /// Voltage, current, temperature as shown.
    pub values: Vec<String>,
}

/// Rows, the newest first.
#[derive(Debug, PartialEq)]
pub struct Table {
    /// A bounded number, evenly spread over the window, the last sample always among them.
    pub rows: Vec<Row>,
    /// Whether rows were left out.
    pub is_thinned: bool,
}

impl Table {
    /// The table of a series whose columns are voltage, current, temperature; `origin_us` is when the experiment began.
    #[must_use]
    pub fn new(series: &Series, origin_us: Option<i64>) -> Self {
        let measured: Vec<usize> = (0..series.times_us.len())
            .filter(|point| series.columns.iter().any(|column| column.get(*point).is_some_and(Option::is_some)))
            .collect();
        let stride = measured.len().div_ceil(ROWS_MAX).max(1);
        let rows = measured.iter().rev().step_by(stride).map(|&point| row(series, point, origin_us)).collect();
        Self { rows, is_thinned: stride > 1 || series.bucket_us.is_some() }
    }
}

fn row(series: &Series, point: usize, origin_us: Option<i64>) -> Row {
    let at_us = series.times_us[point];
    let values = ["voltage_v", "current_a", "temperature_c"].iter().zip(&series.columns).map(|(name, column)| {
        column.get(point).copied().flatten().map_or_else(|| "–".to_owned(), |value| value_text(name, value))
    });
    Row {
        iso: iso_time(at_us),
        clock: clock_time(at_us),
        elapsed: origin_us.map_or_else(String::new, |origin_us| elapsed_text(at_us - origin_us)),
        values: values.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sample_leads_and_breaks_are_no_rows() {
        let mut series = Series { times_us: (0..200).collect(), ..Series::default() };
        series.columns = vec![(0..200).map(|value| Some(f64::from(value))).collect(), vec![None; 200], vec![None; 200]];
        series.columns[0][10] = None;
        let table = Table::new(&series, Some(0));
        assert_eq!(table.rows[0].values, ["199.00", "–", "–"]);
        assert!(table.rows.len() <= ROWS_MAX && table.is_thinned);
    }
}
