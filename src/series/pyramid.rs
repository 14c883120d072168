//! The min/max pyramid over sealed chunks: what a chart of a long window reads instead of the samples.
//!
//! Level 1 has a bucket for 64 rows, level 2 for 2,048. A bucket ends early at a pause, so that a chart never draws across
//! one. A bucket holds the lowest and the highest value of each column.

use super::chunk::{Packing, View, pack_plain};
use super::codec::{CodecError, ColumnValues, Rows};
use super::gap;
use super::window::Piece;
use crate::domain::sample::Column;

/// Rows of a bucket of level 1.
pub const LEVEL_1_ROWS: usize = 64;
/// Rows of a bucket of level 2.
pub const LEVEL_2_ROWS: usize = 2_048;
/// Pauses may make this many times as many buckets; a stream of nothing but pauses has no more.
const BUCKETS_FACTOR_MAX: usize = 2;
/// Columns of a stored level before those of the samples: length, rows, first row of the chunk.
const HEAD_COLUMNS: usize = 3;

/// Lowest and highest value of a column in a bucket; `None` when nothing was measured.
pub type Span = Option<(f64, f64)>;

/// Buckets of one level, in the order of the rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Level {
    /// Time of the first row of each bucket, µs.
    pub from_us: Vec<i64>,
    /// Time of its last row, µs.
    pub to_us: Vec<i64>,
    /// How many rows it has.
    pub rows: Vec<u32>,
    /// Number of the first row of the chunk it belongs to.
    pub chunk_seq0: Vec<i64>,
    /// For each column of the samples, the span of each bucket.
    pub spans: Vec<Vec<Span>>,
}

/// Widens a span by a value. A NaN is no extreme, but one that stands first must not hide what follows.
pub(super) fn include(span: &mut Span, value: f64) {
    match span {
        None => *span = Some((value, value)),
        Some((low, high)) => {
            if value < *low || low.is_nan() {
                *low = value;
            }
            if value > *high || high.is_nan() {
                *high = value;
            }
        }
    }
}

impl Level {
    /// The buckets of a chunk, each of at most `bucket_rows`.
    #[must_use]
    pub fn of_chunk(rows: &Rows, seq0: i64, bucket_rows: usize) -> Self {
        let starts = starts(&rows.times_us, bucket_rows);
        let ends = starts.iter().skip(1).copied().chain([rows.times_us.len()]);
        let mut level = Self { spans: vec![Vec::with_capacity(starts.len()); rows.columns.len()], ..Self::default() };
        for (start, end) in starts.iter().copied().zip(ends) {
            let times = &rows.times_us[start..end];
            // A device whose clock was set back has rows that are not in the order of their times.
            level.from_us.push(times.iter().copied().min().unwrap_or_default());
            level.to_us.push(times.iter().copied().max().unwrap_or_default());
            level.rows.push(u32::try_from(end - start).unwrap_or(u32::MAX));
            level.chunk_seq0.push(seq0);
            for (column, spans) in rows.columns.iter().zip(&mut level.spans) {
                spans.push(span(column, start, end));
            }
        }
        level
    }

    /// How many buckets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.from_us.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from_us.is_empty()
    }

    /// Some of the buckets.
    #[must_use]
    pub fn slice(&self, buckets: std::ops::Range<usize>) -> Self {
        Self {
            from_us: self.from_us[buckets.clone()].to_vec(),
            to_us: self.to_us[buckets.clone()].to_vec(),
            rows: self.rows[buckets.clone()].to_vec(),
            chunk_seq0: self.chunk_seq0[buckets.clone()].to_vec(),
            spans: self.spans.iter().map(|spans| spans[buckets.clone()].to_vec()).collect(),
        }
    }

    /// Adds the buckets of another level with the same columns.
    pub fn append(&mut self, other: Self) {
        self.from_us.extend(other.from_us);
        self.to_us.extend(other.to_us);
        self.rows.extend(other.rows);
        self.chunk_seq0.extend(other.chunk_seq0);
        self.spans.resize(self.spans.len().max(other.spans.len()), Vec::new());
        for (spans, more) in self.spans.iter_mut().zip(other.spans) {
            spans.extend(more);
        }
    }

    /// Removes the buckets of a chunk.
    pub fn remove_chunk(&mut self, seq0: i64) {
        let keep: Vec<bool> = self.chunk_seq0.iter().map(|chunk| *chunk != seq0).collect();
        let kept = |index: &mut usize| {
            *index += 1;
            keep.get(*index - 1).copied().unwrap_or_default()
        };
        let mut at = 0;
        self.from_us.retain(|_| kept(&mut at));
        at = 0;
        self.to_us.retain(|_| kept(&mut at));
        at = 0;
        self.rows.retain(|_| kept(&mut at));
        at = 0;
        self.chunk_seq0.retain(|_| kept(&mut at));
        for spans in &mut self.spans {
            at = 0;
            spans.retain(|_| kept(&mut at));
        }
    }

    /// The bytes of a block of the pyramid.
    #[must_use]
    pub fn pack(&self, packing: Packing) -> Vec<u8> {
        let column = |values: Vec<f64>| ColumnValues { values, nulls: Vec::new() };
        #[expect(clippy::cast_precision_loss, reason = "lengths of buckets and row numbers stay below 2^53")]
        let exact = |value: i64| value as f64;
        let lengths = self.from_us.iter().zip(&self.to_us).map(|(from, to)| exact(to.saturating_sub(*from)));
        let mut columns = vec![
            column(lengths.collect()),
            column(self.rows.iter().map(|rows| f64::from(*rows)).collect()),
            column(self.chunk_seq0.iter().map(|seq| exact(*seq)).collect()),
        ];
        for spans in &self.spans {
            let nulls: Vec<u32> = (0..).zip(spans).filter(|(_, span)| span.is_none()).map(|(index, _)| index).collect();
            let side = |pick: fn((f64, f64)) -> f64| spans.iter().map(|span| span.map_or(0.0, pick)).collect();
            columns.push(ColumnValues { values: side(|span| span.0), nulls: nulls.clone() });
            columns.push(ColumnValues { values: side(|span| span.1), nulls });
        }
        let last = i64::try_from(self.len()).unwrap_or(i64::MAX) - 1;
        pack_plain(packing, &[(0, last)], &self.from_us, &columns)
    }

    /// Reads a block of the pyramid: the spans of the wanted columns, in the wanted order; `None` for one it has not.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not what was written.
    #[expect(clippy::cast_possible_truncation, reason = "written from integers")]
    pub fn read(view: &View<'_>, wanted: &[Option<usize>]) -> Result<Self, CodecError> {
        let (from_us, to_us) = times_us(view)?;
        let rows = view.column(1)?.values.into_iter().map(|rows| rows as i64);
        let rows = rows.map(|rows| u32::try_from(rows).unwrap_or_default()).collect();
        let chunk_seq0 = view.column(2)?.values.into_iter().map(|seq| seq as i64).collect();
        let spans = wanted.iter().map(|column| match column {
            None => Ok(vec![None; from_us.len()]),
            Some(index) => {
                let [low, high] = sides(view, *index)?;
                let mut spans: Vec<Span> = low.values.into_iter().zip(high.values).map(Some).collect();
                for row in low.nulls {
                    if let Some(span) = spans.get_mut(row as usize) {
                        *span = None;
                    }
                }
                Ok(spans)
            }
        });
        Ok(Self { spans: spans.collect::<Result<_, CodecError>>()?, to_us, rows, chunk_seq0, from_us })
    }

    /// [`Piece::of_level`], straight from a block that stands for `rows` rows: without looking at how many rows which bucket has.
    /// `None` when one of its buckets lies across an edge of the window.
    ///
    /// # Errors
    /// As [`Level::read`].
    pub fn whole_piece(
        view: &View<'_>,
        wanted: &[Option<usize>],
        rows: usize,
        offset_us: i64,
        (from_us, to_us): (i64, i64),
    ) -> Result<Option<Piece>, CodecError> {
        let (firsts_us, lasts_us) = times_us(view)?;
        let mut times: Vec<i64> = firsts_us.into_iter().zip(lasts_us).flat_map(|(first, last)| [first, last]).collect();
        times.iter_mut().for_each(|at_us| *at_us = at_us.saturating_add(offset_us));
        if !times.iter().all(|at_us| (from_us..=to_us).contains(at_us)) {
            return Ok(None);
        }
        let column = |index: &usize| {
            let [low, high] = sides(view, *index)?;
            let values = low.values.into_iter().zip(high.values).flat_map(|(low, high)| [low, high]).collect();
            let nulls = low.nulls.into_iter().flat_map(|bucket| [2 * bucket, 2 * bucket + 1]).collect();
            Ok(Column { name: String::new(), values, nulls })
        };
        let columns = wanted.iter().map(|index| index.as_ref().map(column).transpose());
        let columns = columns.collect::<Result<_, CodecError>>()?;
        Ok(Some(Piece { times_us: times, columns, bucket_rows: Some(rows) }))
    }

    /// How many columns of samples a block of the pyramid has.
    #[must_use]
    pub fn column_count(view: &View<'_>) -> usize {
        view.column_count().saturating_sub(HEAD_COLUMNS) / 2
    }
}

impl Piece {
    /// The buckets that lie wholly within `from_us..=to_us`, moved by `offset_us`, as a chart takes them.
    #[must_use]
    pub fn of_level(level: &Level, offset_us: i64, from_us: i64, to_us: i64) -> Self {
        let span =
            |bucket: usize| [level.from_us[bucket], level.to_us[bucket]].map(|at_us| at_us.saturating_add(offset_us));
        let is_within = |bucket: &usize| span(*bucket)[0] >= from_us && span(*bucket)[1] <= to_us;
        let inside: Vec<usize> = (0..level.len()).filter(is_within).collect();
        let columns = level.spans.iter().map(|spans| {
            let nulls = (0_u32..).step_by(2).zip(&inside).filter(|(_, bucket)| spans[**bucket].is_none());
            let values = inside.iter().flat_map(|bucket| spans[*bucket].map_or([0.0; 2], |(low, high)| [low, high]));
            Some(Column {
                name: String::new(),
                values: values.collect(),
                nulls: nulls.flat_map(|(row, _)| [row, row + 1]).collect(),
            })
        });
        Self {
            columns: columns.collect(),
            times_us: inside.iter().flat_map(|bucket| span(*bucket)).collect(),
            bucket_rows: Some(inside.iter().map(|bucket| level.rows[*bucket] as usize).sum()),
        }
    }
}

/// Times of the first and of the last row of each bucket, µs.
#[expect(clippy::cast_possible_truncation, reason = "written from integers")]
fn times_us(view: &View<'_>) -> Result<(Vec<i64>, Vec<i64>), CodecError> {
    let from_us = view.times_us()?;
    let lengths = view.column(0)?.values;
    let to_us = from_us.iter().zip(lengths).map(|(from, length)| from.saturating_add(length as i64)).collect();
    Ok((from_us, to_us))
}

/// The lowest and the highest value of a column in each bucket.
fn sides(view: &View<'_>, index: usize) -> Result<[ColumnValues; 2], CodecError> {
    Ok([view.column(HEAD_COLUMNS + 2 * index)?, view.column(HEAD_COLUMNS + 2 * index + 1)?])
}

/// The row each bucket starts with.
fn starts(times_us: &[i64], bucket_rows: usize) -> Vec<usize> {
    let regular = times_us.len().div_ceil(bucket_rows);
    let longest_us = gap::longest_us(times_us.windows(2).map(|pair| pair[1].saturating_sub(pair[0])));
    let mut starts = Vec::with_capacity(regular);
    for index in 0..times_us.len() {
        let is_pause = || {
            starts.len() < regular * BUCKETS_FACTOR_MAX
                && index > 0
                && times_us[index].saturating_sub(times_us[index - 1]) > longest_us
        };
        if starts.last().is_none_or(|start| index - start >= bucket_rows) || is_pause() {
            starts.push(index);
        }
    }
    starts
}

fn span(column: &ColumnValues, start: usize, end: usize) -> Span {
    let mut span = None;
    let mut nulls = column.nulls.partition_point(|row| (*row as usize) < start);
    for row in start..end {
        if column.nulls.get(nulls).is_some_and(|null| *null as usize == row) {
            nulls += 1;
        } else if let Some(value) = column.values.get(row) {
            include(&mut span, *value);
        }
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::codec::{CODEC_PCO, checksum};

    fn rows(times_us: Vec<i64>, values: Vec<f64>, nulls: Vec<u32>) -> Rows {
        Rows { times_us, columns: vec![ColumnValues { values, nulls }] }
    }

    #[test]
    fn a_bucket_has_the_lowest_and_the_highest_of_its_rows() {
        let times: Vec<i64> = (0..130).map(|row| row * 1_000_000).collect();
        let values: Vec<f64> = (0..130).map(|row| f64::from(row) / 10.0).collect();
        let level = Level::of_chunk(&rows(times, values, vec![0, 63, 128, 129]), 7, LEVEL_1_ROWS);
        assert_eq!(level.rows, [64, 64, 2]);
        assert_eq!(level.spans, [[Some((0.1, 6.2)), Some((6.4, 12.7)), None]]);
        assert_eq!((level.from_us[1], level.to_us[1]), (64_000_000, 127_000_000));
        assert_eq!(level.chunk_seq0, [7, 7, 7]);
    }

    #[test]
    fn a_bucket_ends_at_a_pause() {
        let times: Vec<i64> = (0..40).chain(5_000..5_010).map(|row| row * 1_000_000).collect();
        let level = Level::of_chunk(&rows(times, vec![1.0; 50], vec![]), 0, LEVEL_1_ROWS);
        assert_eq!(level.rows, [40, 10]);
        let pauses: Vec<i64> =
            (0..1_000).map(|row| if row % 2 == 0 { row * 1_000 } else { row * 1_000_000_000 }).collect();
        let level = Level::of_chunk(&rows(pauses, vec![1.0; 1_000], vec![]), 0, LEVEL_1_ROWS);
        assert!(level.len() <= 2 * 16 + 16, "{}", level.len());
    }

    #[test]
    fn a_level_is_read_back_column_by_column_and_gives_up_a_chunk() {
        let odd = Rows {
            times_us: vec![5, 6, 7],
            columns: vec![
                ColumnValues { values: vec![f64::NAN, 2.0, -0.0], nulls: vec![] },
                ColumnValues { values: vec![0.0; 3], nulls: vec![0, 1, 2] },
            ],
        };
        let mut level = Level::of_chunk(&odd, 40, 2);
        level.append(Level::of_chunk(&odd, 50, 2));
        let bytes = level.pack(Packing::Pco);
        let view = View::open(CODEC_PCO, checksum(&bytes), &bytes).unwrap();
        assert_eq!(Level::column_count(&view), 2);
        let read = Level::read(&view, &[Some(1), None, Some(0)]).unwrap();
        assert_eq!((&read.from_us, &read.to_us, &read.rows), (&level.from_us, &level.to_us, &level.rows));
        assert_eq!(
            read.spans,
            [
                vec![None; 4],
                vec![None; 4],
                vec![Some((2.0, 2.0)), Some((-0.0, -0.0)), Some((2.0, 2.0)), Some((-0.0, -0.0))]
            ]
        );
        let whole = |from_us| Level::whole_piece(&view, &[Some(1), None, Some(0)], 6, 10, (from_us, 17)).unwrap();
        let (found, expected) = (whole(15).unwrap(), Piece::of_level(&read, 10, 15, 17));
        assert_eq!((&found.times_us, found.bucket_rows), (&expected.times_us, expected.bucket_rows));
        for (found, expected) in found.columns.iter().zip(&expected.columns) {
            let value = |column: &Option<Column>, row| column.as_ref().and_then(|column| column.get(row));
            (0..8).for_each(|row| assert_eq!(value(found, row), value(expected, row)));
        }
        assert_eq!(whole(16), None, "a bucket begins before");
        level.remove_chunk(40);
        assert_eq!(level, Level::of_chunk(&odd, 50, 2));
    }
}
