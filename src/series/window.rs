//! A window of a stream reduced to what a screen can show: at most two points per pixel and column, extremes kept.

use super::gap;
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
    /// Of buckets, all of which lie within the window: how many rows they have together. `None` for a piece of rows.
    pub bucket_rows: Option<usize>,
}

impl Piece {
    /// A piece of rows.
    #[must_use]
    pub fn of_rows(times_us: Vec<i64>, columns: Vec<Option<Column>>) -> Self {
        Self { times_us, columns, bucket_rows: None }
    }

    /// Row `row` and the next one are the two ends of one bucket.
    fn is_bucket(&self, row: usize) -> bool {
        self.bucket_rows.is_some() && row.is_multiple_of(2)
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
    let runs = runs_in_order(pieces, from_us, to_us);
    let drawn: usize = runs.iter().map(|run| run.rows().len()).sum();
    let of_rows = runs.iter().filter(|run| run.piece.bucket_rows.is_none()).map(|run| run.rows().len());
    let of_buckets = pieces.iter().filter_map(|piece| piece.bucket_rows);
    let has_buckets = of_buckets.clone().any(|rows| rows > 0);
    let series = Series {
        rows: of_rows.chain(of_buckets).sum(),
        columns: vec![Vec::with_capacity(drawn.min(2 * width + 2)); column_count],
        gaps: find_gaps(&runs),
        ..Series::default()
    };
    if drawn <= 2 * width && !has_buckets {
        every_sample(series, &runs)
    } else {
        extremes(series, &runs, (from_us, to_us), width)
    }
}

/// Rows of a piece that follow each other in time, without rows of another piece between them.
#[derive(Clone, Copy)]
struct Run<'a> {
    piece: &'a Piece,
    from: usize,
    to: usize,
}

impl<'a> Run<'a> {
    fn rows(&self) -> std::ops::Range<usize> {
        self.from..self.to
    }

    fn times_us(&self) -> &'a [i64] {
        &self.piece.times_us[self.from..self.to]
    }
}

/// Every row in the window, by time.
fn runs_in_order<'a>(pieces: &'a [Piece], from_us: i64, to_us: i64) -> Vec<Run<'a>> {
    if pieces.iter().all(|piece| piece.times_us.is_sorted()) {
        let within = |piece: &'a Piece| Run {
            piece,
            from: piece.times_us.partition_point(|at_us| *at_us < from_us),
            to: piece.times_us.partition_point(|at_us| *at_us <= to_us),
        };
        let mut runs: Vec<Run<'_>> = pieces.iter().map(within).filter(|run| run.from < run.to).collect();
        runs.sort_by_key(|run| run.times_us().first().copied());
        if runs.windows(2).all(|pair| pair[0].times_us().last() <= pair[1].times_us().first()) {
            return runs;
        }
    }
    let mut order: Vec<(i64, &Piece, usize)> = Vec::new();
    for piece in pieces {
        let rows = piece.times_us.iter().enumerate().filter(|(_, at_us)| (from_us..=to_us).contains(*at_us));
        order.extend(rows.map(|(row, at_us)| (*at_us, piece, row)));
    }
    order.sort_by_key(|(at_us, ..)| *at_us);
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (_, piece, row) in order {
        match runs.last_mut() {
            Some(run) if std::ptr::eq(run.piece, piece) && run.to == row => run.to += 1,
            _ => runs.push(Run { piece, from: row, to: row + 1 }),
        }
    }
    runs
}

/// Pauses much longer than the median distance between rows: last row before, first row after.
fn find_gaps(runs: &[Run<'_>]) -> Vec<(i64, i64)> {
    let mut pauses = Vec::new();
    steps(runs, |before_us, after_us| {
        if after_us.saturating_sub(before_us) > gap::GAP_MIN_US {
            pauses.push((before_us, after_us));
        }
    });
    // Few streams have any, and those that rest between all their rows are not long.
    if !pauses.is_empty() {
        let mut all_us = Vec::new();
        steps(runs, |before_us, after_us| all_us.push(after_us.saturating_sub(before_us)));
        let longest_us = gap::longest_us(all_us.into_iter());
        pauses.retain(|(before_us, after_us)| after_us.saturating_sub(*before_us) > longest_us);
    }
    pauses
}

/// Calls for every two neighbours in time, those within a bucket left out.
fn steps(runs: &[Run<'_>], mut step: impl FnMut(i64, i64)) {
    let mut last_us = None;
    for run in runs {
        let times_us = run.times_us();
        if let (Some(before_us), Some(after_us)) = (last_us, times_us.first()) {
            step(before_us, *after_us);
        }
        for (row, pair) in run.rows().zip(times_us.windows(2)) {
            if !run.piece.is_bucket(row) {
                step(pair[0], pair[1]);
            }
        }
        last_us = times_us.last().copied();
    }
}

fn every_sample(mut series: Series, runs: &[Run<'_>]) -> Series {
    let mut gap = 0;
    for run in runs {
        for (row, at_us) in run.rows().zip(run.times_us()) {
            mark_gap(&mut series, &mut gap, *at_us);
            series.times_us.push(*at_us);
            for (column, points) in run.piece.columns.iter().zip(&mut series.columns) {
                points.push(column.as_ref().and_then(|column| column.get(row)));
            }
        }
    }
    series
}

/// Before the first point after a gap, a point with no values breaks the lines. Whether there was one.
fn mark_gap(series: &mut Series, gap: &mut usize, at_us: i64) -> bool {
    let known = *gap;
    while let Some((before_us, after_us)) = series.gaps.get(*gap).filter(|range| at_us >= range.1) {
        *gap += 1;
        series.times_us.push(before_us + (after_us - before_us) / 2);
        for points in &mut series.columns {
            points.push(None);
        }
    }
    *gap > known
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

/// Values compared at a time: as many as fit in a register of every x86-64, twice.
const LANES: usize = 4;

impl Extremes {
    /// Of values that follow each other; `None` where none is a number or there are none.
    fn of(values: &[f64]) -> Option<Self> {
        let (runs, rest) = values.as_chunks::<LANES>();
        let (mut lows, mut highs) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        // A NaN is no extreme: it is neither below nor above anything.
        let mut include = |run: &[f64]| {
            for ((low, high), value) in lows.iter_mut().zip(&mut highs).zip(run) {
                *low = if *value < *low { *value } else { *low };
                *high = if *value > *high { *value } else { *high };
            }
        };
        runs.iter().for_each(|run| include(run));
        include(rest);
        let (low, high) =
            (lows.into_iter().fold(f64::INFINITY, f64::min), highs.into_iter().fold(f64::NEG_INFINITY, f64::max));
        let place = |extreme: f64| values.iter().position(|value| *value == extreme);
        let (low_at, high_at) = (place(low)?, place(high)?);
        Some(Self { low, high, high_last: high_at >= low_at })
    }

    /// With those of later values.
    fn and(self, later: Self) -> Self {
        let (is_lower, is_higher) = (later.low < self.low, later.high > self.high);
        Self {
            low: if is_lower { later.low } else { self.low },
            high: if is_higher { later.high } else { self.high },
            high_last: match (is_lower, is_higher) {
                (false, false) => self.high_last,
                (true, true) => later.high_last,
                (is_lower, _) => !is_lower,
            },
        }
    }

    /// Widens what was found by the values of some rows of a column.
    fn include_rows(found: &mut Option<Self>, column: &Column, rows: std::ops::Range<usize>) {
        let mut next = rows.start;
        let end = rows.end.min(column.values.len());
        let mut nulls = column.nulls[column.nulls.partition_point(|null| (*null as usize) < next)..].iter();
        while next < end {
            let null = nulls.next().map_or(end, |null| (*null as usize).min(end));
            if let Some(more) = Self::of(&column.values[next..null]) {
                *found = Some(found.map_or(more, |found| found.and(more)));
            }
            next = null + 1;
        }
    }
}

fn extremes(mut series: Series, runs: &[Run<'_>], (from_us, to_us): (i64, i64), width: usize) -> Series {
    let bucket_us = pixel_us(to_us.saturating_sub(from_us), width);
    series.bucket_us = Some(bucket_us);
    let mut runs = runs.iter().copied();
    let mut next = runs.next();
    let mut gap = 0;
    let mut found: Vec<Option<Extremes>> = vec![None; series.columns.len()];
    while let Some(first_us) = next.and_then(|run| run.times_us().first().copied()) {
        let start_us = first_us.div_euclid(bucket_us) * bucket_us;
        let end_us = start_us.saturating_add(bucket_us);
        let is_first = series.times_us.last().is_none_or(|before| *before >= start_us);
        let is_after_gap = mark_gap(&mut series, &mut gap, first_us);
        // A bucket ends at a gap, so that no line is drawn across it.
        let limit_us = series.gaps.get(gap).map_or(end_us, |range| range.1.min(end_us));
        found.fill(None);
        let mut last_us = first_us;
        while let Some(run) = &mut next {
            let times_us = run.times_us();
            let count = times_us.iter().position(|at_us| *at_us >= limit_us).unwrap_or(times_us.len());
            let rows = run.from..run.from + count;
            for (column, extremes) in run.piece.columns.iter().zip(&mut found) {
                if let Some(column) = column {
                    Extremes::include_rows(extremes, column, rows.clone());
                }
            }
            last_us = times_us[..count].last().copied().unwrap_or(last_us);
            run.from = rows.end;
            if count < times_us.len() {
                break;
            }
            next = runs.next();
        }
        let is_before_gap = series.gaps.get(gap).is_some_and(|range| range.0 == last_us);
        let next_us = next.and_then(|run| run.times_us().first().copied());
        let is_last = next_us.is_none_or(|next_us| next_us < end_us);
        // A pixel in the midst of others has round times, which take a third of the bytes on their way.
        if is_first || is_before_gap || is_after_gap || is_last {
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
    use crate::series::pyramid::Level;

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
