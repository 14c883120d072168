//! A window of a stream reduced to what a screen can show: at most two points per pixel and column, extremes kept.

use super::gap;
use super::pyramid::Level;
use crate::domain::sample::Column;

/// Widest chart anybody draws, in pixels: two 8K screens side by side.
pub const WIDTH_MAX: usize = 15_360;

/// Rows of one block, or buckets of the pyramid over it, ready to be reduced: times in UTC and the asked-for columns in
/// the asked-for order.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Time of each row, µs UTC; of a bucket two: of its first row and of its last.
    pub times_us: Vec<i64>,
    /// One per asked-for column; `None` where the block does not have it. Of a bucket two values: the lowest and the
    /// highest.
    pub columns: Vec<Option<Column>>,
    /// How many rows each bucket has; `None` for a piece of rows.
    pub bucket_rows: Option<Vec<u32>>,
}

impl Piece {
    /// A piece of rows.
    #[must_use]
    pub fn of_rows(times_us: Vec<i64>, columns: Vec<Option<Column>>) -> Self {
        Self { times_us, columns, bucket_rows: None }
    }

    /// The buckets of a level that lie wholly within `from_us..=to_us`, moved by `offset_us`; one column each for the
    /// spans of the level.
    #[must_use]
    pub fn of_level(level: &Level, offset_us: i64, from_us: i64, to_us: i64) -> Self {
        let span = |bucket: &usize| {
            (level.from_us[*bucket].saturating_add(offset_us), level.to_us[*bucket].saturating_add(offset_us))
        };
        let is_within = |bucket: &usize| span(bucket).0 >= from_us && span(bucket).1 <= to_us;
        let inside: Vec<usize> = (0..level.len()).filter(is_within).collect();
        let columns = level.spans.iter().map(|spans| {
            let mut column =
                Column { name: String::new(), values: Vec::with_capacity(2 * inside.len()), nulls: vec![] };
            for (row, bucket) in (0_u32..).step_by(2).zip(&inside) {
                let span = spans[*bucket];
                column.values.extend(span.map_or([0.0; 2], |(low, high)| [low, high]));
                if span.is_none() {
                    column.nulls.extend([row, row + 1]);
                }
            }
            Some(column)
        });
        Self {
            columns: columns.collect(),
            times_us: inside.iter().flat_map(|bucket| [span(bucket).0, span(bucket).1]).collect(),
            bucket_rows: Some(inside.iter().map(|bucket| level.rows[*bucket]).collect()),
        }
    }

    /// Rows from here to there are the two ends of one bucket.
    fn is_bucket(&self, before: u32, after: u32) -> bool {
        self.bucket_rows.is_some() && before.is_multiple_of(2) && after == before + 1
    }

    /// How many samples a row stands for.
    fn samples(&self, row: u32) -> usize {
        match &self.bucket_rows {
            None => 1,
            Some(_) if row % 2 == 1 => 0,
            Some(rows) => rows.get(row as usize / 2).map_or(0, |rows| *rows as usize),
        }
    }
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Time of each point, µs UTC, ascending.
    pub times_us: Vec<i64>,
    /// Values of each asked-for column at those times; `None` where nothing was measured.
    pub columns: Vec<Vec<Option<f64>>>,
    /// Pauses inside the window: last row before, first row after, µs UTC.
    pub gaps: Vec<(i64, i64)>,
    /// Width of the buckets whose lowest and highest value are drawn, µs; `None`: every sample is drawn.
    pub bucket_us: Option<i64>,
    /// Rows in the window.
    pub rows: usize,
}

/// Reduces pieces (in any order, they may interleave) to the window `from_us..=to_us` at `width` pixels.
#[must_use]
pub fn reduce(pieces: &[Piece], column_count: usize, from_us: i64, to_us: i64, width: usize) -> Series {
    let width = width.clamp(1, WIDTH_MAX);
    let order = rows_in_order(pieces, from_us, to_us);
    let gaps = find_gaps(pieces, &order);
    let has_buckets = pieces.iter().any(|piece| piece.bucket_rows.as_ref().is_some_and(|rows| !rows.is_empty()));
    if order.len() <= 2 * width && !has_buckets {
        every_sample(pieces, column_count, &order, gaps)
    } else {
        extremes(pieces, column_count, &order, gaps, (from_us, to_us), width)
    }
}

/// (piece, row) of every row in the window, by time.
fn rows_in_order(pieces: &[Piece], from_us: i64, to_us: i64) -> Vec<(u32, u32)> {
    let time = |&(piece, row): &(u32, u32)| pieces[piece as usize].times_us[row as usize];
    let mut order = Vec::new();
    for (piece, rows) in (0_u32..).zip(pieces) {
        order.extend(
            (0_u32..)
                .zip(&rows.times_us)
                .filter(|(_, at)| (from_us..=to_us).contains(*at))
                .map(|(row, _)| (piece, row)),
        );
    }
    if !order.is_sorted_by_key(time) {
        order.sort_by_key(time);
    }
    order
}

/// Pauses much longer than the median distance between rows.
fn find_gaps(pieces: &[Piece], order: &[(u32, u32)]) -> Vec<(i64, i64)> {
    let time = |&(piece, row): &(u32, u32)| pieces[piece as usize].times_us[row as usize];
    let within_bucket =
        |pair: &[(u32, u32)]| pair[0].0 == pair[1].0 && pieces[pair[0].0 as usize].is_bucket(pair[0].1, pair[1].1);
    let has_buckets = pieces.iter().any(|piece| piece.bucket_rows.is_some());
    let step = |pair: &[(u32, u32)]| time(&pair[1]).saturating_sub(time(&pair[0]));
    let longest_us = if has_buckets {
        let steps: Vec<i64> = order.windows(2).filter(|pair| !within_bucket(pair)).map(step).collect();
        gap::longest_us(steps.into_iter())
    } else {
        gap::longest_us(order.windows(2).map(step))
    };
    let breaks = |pair: &&[(u32, u32)]| step(pair) > longest_us && !within_bucket(pair);
    order.windows(2).filter(breaks).map(|pair| (time(&pair[0]), time(&pair[1]))).collect()
}

fn every_sample(pieces: &[Piece], column_count: usize, order: &[(u32, u32)], gaps: Vec<(i64, i64)>) -> Series {
    let mut series = Series {
        columns: vec![Vec::with_capacity(order.len()); column_count],
        gaps,
        rows: order.len(),
        ..Series::default()
    };
    let mut gap = 0;
    for &(piece, row) in order {
        let rows = &pieces[piece as usize];
        let at_us = rows.times_us[row as usize];
        mark_gap(&mut series, &mut gap, at_us);
        series.times_us.push(at_us);
        for (column, points) in rows.columns.iter().zip(&mut series.columns) {
            points.push(column.as_ref().and_then(|column| column.get(row as usize)));
        }
    }
    series
}

/// Before the first point after a gap, a point with no values breaks the lines.
fn mark_gap(series: &mut Series, gap: &mut usize, at_us: i64) {
    while let Some(&(before, after)) = series.gaps.get(*gap) {
        if at_us < after {
            return;
        }
        *gap += 1;
        series.times_us.push(before + (after - before) / 2);
        for points in &mut series.columns {
            points.push(None);
        }
    }
}

/// Time that a pixel stands for, µs: at most `width` of them, wherever the first begins, cover the window. Two digits and
/// zeros, even, so that pixels begin at the same moments when the window moves a little.
fn pixel_us(window_us: i64, width: usize) -> i64 {
    let width = i64::try_from(width).unwrap_or(i64::MAX);
    let least = (window_us / (width - 1).max(1)).saturating_add(1);
    let unit = 10_i64.pow(least.ilog10().saturating_sub(1));
    let step = 2 * unit;
    (least.saturating_add(step - 1) / step).saturating_mul(step)
}

/// Lowest and highest value of one column in one bucket, and which came first.
#[derive(Clone, Copy)]
struct Extremes {
    low: f64,
    high: f64,
    high_last: bool,
}

impl Extremes {
    fn include(this: &mut Option<Self>, value: f64) {
        match this {
            None => *this = Some(Self { low: value, high: value, high_last: true }),
            Some(extremes) => {
                // A NaN is no extreme, but one that stands first must not hide what follows.
                if value < extremes.low || extremes.low.is_nan() {
                    extremes.low = value;
                    extremes.high_last = false;
                }
                if value > extremes.high || extremes.high.is_nan() {
                    extremes.high = value;
                    extremes.high_last = true;
                }
            }
        }
    }
}

fn extremes(
    pieces: &[Piece],
    column_count: usize,
    order: &[(u32, u32)],
    gaps: Vec<(i64, i64)>,
    (from_us, to_us): (i64, i64),
    width: usize,
) -> Series {
    let bucket_us = pixel_us(to_us.saturating_sub(from_us), width);
    let mut series = Series {
        columns: vec![Vec::new(); column_count],
        gaps,
        bucket_us: Some(bucket_us),
        rows: order.iter().map(|(piece, row)| pieces[*piece as usize].samples(*row)).sum(),
        ..Series::default()
    };
    let mut gap = 0;
    let mut rows = order.iter().peekable();
    let mut found: Vec<Option<Extremes>> = vec![None; column_count];
    while let Some(&&(piece, row)) = rows.peek() {
        let first_us = pieces[piece as usize].times_us[row as usize];
        let start_us = first_us.div_euclid(bucket_us) * bucket_us;
        found.fill(None);
        let mut last_us = first_us;
        while let Some(&(piece, row)) = rows.next_if(|(piece, row)| {
            let at_us = pieces[*piece as usize].times_us[*row as usize];
            // A bucket ends at a gap, so that no line is drawn across it.
            at_us.saturating_sub(start_us) < bucket_us
                && series.gaps.get(gap).is_none_or(|range| at_us < range.1 || first_us >= range.1)
        }) {
            let piece = &pieces[piece as usize];
            last_us = piece.times_us[row as usize];
            for (column, extremes) in piece.columns.iter().zip(&mut found) {
                if let Some(value) = column.as_ref().and_then(|column| column.get(row as usize)) {
                    Extremes::include(extremes, value);
                }
            }
        }
        let is_at_edge = |edge: Option<&&(u32, u32)>| {
            edge.is_none_or(|(piece, row)| {
                let at_us = pieces[*piece as usize].times_us[*row as usize];
                at_us.saturating_sub(start_us) < bucket_us
            })
        };
        let is_before_gap = series.gaps.get(gap).is_some_and(|range| range.0 == last_us);
        let is_after_gap = series.gaps.get(gap).is_some_and(|range| range.1 == first_us);
        let is_first = series.times_us.last().is_none_or(|before| *before >= start_us);
        mark_gap(&mut series, &mut gap, first_us);
        // A pixel in the midst of others has round times, which take a third of the bytes on their way.
        if is_first || is_before_gap || is_after_gap || is_at_edge(rows.peek()) {
            series.times_us.extend([first_us, last_us]);
        } else {
            series.times_us.extend([start_us, start_us + bucket_us / 2]);
        }
        for (extremes, points) in found.iter().zip(&mut series.columns) {
            points.extend(extremes.map_or([None, None], |Extremes { low, high, high_last }| {
                if high_last { [Some(low), Some(high)] } else { [Some(high), Some(low)] }
            }));
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::series::codec::{ColumnValues, Rows};

    fn piece(rows: &[(i64, f64)]) -> Piece {
        let column = Column { name: "voltage_v".into(), values: rows.iter().map(|row| row.1).collect(), nulls: vec![] };
        Piece::of_rows(rows.iter().map(|row| row.0).collect(), vec![Some(column)])
    }

    #[test]
    fn few_samples_are_drawn_as_they_are() {
        let series = reduce(&[piece(&[(20, 2.0), (30, 3.0)]), piece(&[(10, 1.0)])], 1, 10, 25, 100);
        assert_eq!((series.times_us, series.columns), (vec![10, 20], vec![vec![Some(1.0), Some(2.0)]]));
        assert_eq!((series.bucket_us, series.rows), (None, 2));
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let second = 1_000_000;
        let rows: Vec<(i64, f64)> = (0..10).chain(100..110).map(|at| (at * second, 1.0)).collect();
        for width in [2, 100] {
            let series = reduce(&[piece(&rows)], 1, 0, 200 * second, width);
            assert_eq!(series.gaps, [(9 * second, 100 * second)], "width {width}");
            let broken = series.columns[0].iter().position(Option::is_none).unwrap();
            assert!((9 * second..100 * second).contains(&series.times_us[broken]), "width {width}");
            assert!(series.times_us.is_sorted(), "width {width}: {:?}", series.times_us);
        }
    }

    fn level(rows: &[(i64, f64)], bucket_rows: usize) -> Level {
        let column = ColumnValues { values: rows.iter().map(|row| row.1).collect(), nulls: vec![] };
        let rows = Rows { times_us: rows.iter().map(|row| row.0).collect(), columns: vec![column] };
        Level::of_chunk(&rows, 0, bucket_rows)
    }

    #[test]
    fn a_gap_between_buckets_is_a_gap_and_a_bucket_is_none() {
        let second = 1_000_000;
        let rows: Vec<(i64, f64)> = (0..640).chain(10_000..10_640).map(|at| (at * second, 1.0)).collect();
        let buckets = Piece::of_level(&level(&rows, 64), 0, 0, 20_000 * second);
        let series = reduce(&[buckets, piece(&[(20_001 * second, 2.0)])], 1, 0, 30_000 * second, 1_000);
        assert_eq!(series.gaps, [(639 * second, 10_000 * second), (10_639 * second, 20_001 * second)]);
        assert_eq!((series.rows, series.bucket_us.is_some()), (1_281, true));
    }

    proptest! {
        #[test]
        fn rows_and_buckets_draw_the_true_extremes(
            values in prop::collection::vec(-5.0_f64..5.0, 100..2_000),
            pauses in prop::collection::vec(0_usize..2_000, 0..4),
            window in (0_i64..1_800, 1_i64..1_800),
            width in 1_usize..60,
        ) {
            let mut at_us = 0;
            let rows: Vec<(i64, f64)> = values.iter().enumerate().map(|(row, value)| {
                at_us += if pauses.contains(&row) { 90_000_000 } else { 10_000 };
                (at_us, *value)
            }).collect();
            let (from_us, to_us) = (window.0 * 10_000, (window.0 + window.1) * 10_000);
            let level = level(&rows, 64);
            let mut first = 0;
            let mut edges = Vec::new();
            for bucket in 0..level.len() {
                let last = first + level.rows[bucket] as usize;
                if level.from_us[bucket] < from_us || level.to_us[bucket] > to_us {
                    edges.push(piece(&rows[first..last]));
                }
                first = last;
            }
            edges.push(Piece::of_level(&level, 0, from_us, to_us));
            let mixed = reduce(&edges, 1, from_us, to_us, width);
            let raw = reduce(&[piece(&rows)], 1, from_us, to_us, width);
            let drawn = |series: &Series| series.columns[0].iter().copied().flatten().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
            prop_assert_eq!(drawn(&mixed), drawn(&raw));
            prop_assert_eq!((mixed.rows, &mixed.gaps), (raw.rows, &raw.gaps));
            prop_assert!(mixed.times_us.is_sorted());
        }

        #[test]
        fn extremes_are_never_lost(values in prop::collection::vec(-5.0_f64..5.0, 1..3_000), width in 1_usize..300, cut in 0_usize..3_000) {
            let rows: Vec<(i64, f64)> = (0_i64..).map(|row| row * 1_000).zip(values.iter().copied()).collect();
            let (early, late) = rows.split_at(cut.min(rows.len()));
            let series = reduce(&[piece(late), piece(early)], 1, 0, 3_000_000, width);
            let drawn: Vec<f64> = series.columns[0].iter().copied().flatten().collect();
            let extremes = |values: &[f64]| values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
            prop_assert_eq!(extremes(&drawn), extremes(&values));
            prop_assert!(series.times_us.len() <= 2 * width.max(1));
            prop_assert!(series.times_us.is_sorted());
            prop_assert_eq!(series.rows, values.len());
            prop_assert_eq!(series.columns[0].len(), series.times_us.len());
        }
    }
}
