//! Sparklines: the voltage of the last hour, small.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::domain::ids::StreamId;
use crate::series::window::Series;

/// How much of the past a sparkline shows, µs.
pub const SPARK_LENGTH_US: i64 = 3_600_000_000;
/// Pixels a sparkline is reduced to.
pub const SPARK_WIDTH: usize = 80;
/// Size of the drawing, with room for the dot at its end.
const WIDTH: f64 = 84.0;
const HEIGHT: f64 = 44.0;
const MARGIN: f64 = 4.0;
/// A line flatter than this part of its value is drawn flat: noise is no news.
const FLAT: f64 = 0.005;

/// Sparklines by stream.
pub type Sparks = HashMap<StreamId, Spark>;

/// One sparkline in an SVG of 84 × 44.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Spark {
    /// `d` of the path, broken at gaps.
    pub path: String,
    /// Where it ends.
    pub end: (String, String),
}

impl Spark {
    /// The sparkline of a series' first column; `None` when nothing was measured.
    #[must_use]
    pub fn new(series: &Series) -> Option<Self> {
        let values = series.columns.first()?;
        let measured = || series.times_us.iter().zip(values).filter_map(|(at, value)| Some((*at, (*value)?)));
        let (first_us, last_us) = (measured().next()?.0, measured().next_back()?.0);
        let low = measured().map(|(_, value)| value).fold(f64::INFINITY, f64::min);
        let high = measured().map(|(_, value)| value).fold(f64::NEG_INFINITY, f64::max);
        let span = (high - low).max(high.abs().max(low.abs()) * FLAT).max(1e-9);
        let middle = f64::midpoint(low, high);
        #[expect(clippy::cast_precision_loss, reason = "an hour of microseconds is exact in f64")]
        let x = |at_us: i64| match last_us - first_us {
            0 => WIDTH - MARGIN,
            length => MARGIN + (at_us - first_us) as f64 / length as f64 * (WIDTH - 2.0 * MARGIN),
        };
        let y = |value: f64| HEIGHT / 2.0 - (value - middle) / span * (HEIGHT - 2.0 * MARGIN);
        let mut path = String::new();
        let mut pen = 'M';
        let mut end = (String::new(), String::new());
        for (at_us, value) in series.times_us.iter().zip(values) {
            let Some(value) = value.filter(|value| value.is_finite()) else {
                pen = 'M';
                continue;
            };
            end = (format!("{:.1}", x(*at_us)), format!("{:.1}", y(value)));
            // Writing to a string cannot fail.
            let _ = write!(path, "{pen}{} {}", end.0, end.1);
            pen = 'L';
        }
        Some(Self { path, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lifts_the_pen() {
        let series = Series {
            times_us: vec![0, 10, 20, 30],
            columns: vec![vec![Some(3.0), Some(4.0), None, Some(3.5)]],
            ..Series::default()
        };
        let spark = Spark::new(&series).unwrap();
        assert_eq!(spark.path, "M4.0 40.0L29.3 4.0M80.0 22.0");
        assert_eq!(spark.end, ("80.0".to_owned(), "22.0".to_owned()));
    }

    #[test]
    fn nothing_measured_has_no_sparkline() {
        assert_eq!(Spark::new(&Series::default()), None);
    }
}
