//! Sealed chunks: up to 16,384 rows of a stream, column by column, packed as small as they get.
//!
//! The layout is described in `docs/database.md`. Columns are packed one by one and found by a directory, so that a chart
//! of two quantities unpacks two. Every `f64` comes back bit for bit, and rows know their numbers, which need not follow
//! each other: a unit counts through the rows of all its stations.

mod column;
mod packing;
mod runs;
mod summary;
mod view;

pub use packing::Packing;
pub use summary::Summary;
pub use view::View;

use super::codec::{CodecError, ColumnValues};
use crate::domain::sample::BATCH_ROWS_MAX;

/// Most rows of a chunk.
pub const CHUNK_ROWS_MAX: usize = BATCH_ROWS_MAX;

/// First byte of a chunk: the version of its layout.
const VERSION: u8 = 1;
/// Most ranges read at once: a device with more holes than this in one boot is broken.
const RANGES_MAX: usize = 50_000_000;
/// Sections of a chunk before those of its columns: the numbers of the rows, their times, the summaries of the columns.
const SECTIONS: usize = 3;

/// Packs rows: `seq` names the numbers of the rows as ascending ranges, both ends included, together as many as there are
/// `times_us` and values in each column.
#[must_use]
pub fn pack(packing: Packing, seq: &[(i64, i64)], times_us: &[i64], columns: &[ColumnValues]) -> Vec<u8> {
    pack_with(packing, seq, times_us, columns, summary::write(columns))
}

/// [`pack`], without summaries: for a block of the pyramid, which is itself one.
pub(super) fn pack_plain(packing: Packing, seq: &[(i64, i64)], times_us: &[i64], columns: &[ColumnValues]) -> Vec<u8> {
    pack_with(packing, seq, times_us, columns, Vec::new())
}

fn pack_with(
    packing: Packing,
    seq: &[(i64, i64)],
    times_us: &[i64],
    columns: &[ColumnValues],
    summaries: Vec<u8>,
) -> Vec<u8> {
    let mut sections = Vec::with_capacity(SECTIONS + columns.len());
    sections.push(runs::write_ranges(packing, seq));
    sections.push(packing.integers(times_us));
    sections.push(summaries);
    sections.extend(columns.iter().map(|column| column::write(packing, column)));
    let content: usize = sections.iter().map(Vec::len).sum();
    let mut out = Vec::with_capacity(9 + 4 * sections.len() + content);
    out.push(VERSION);
    put_u32(&mut out, times_us.len());
    put_u32(&mut out, columns.len());
    for section in &sections {
        put_u32(&mut out, section.len());
    }
    sections.iter().for_each(|section| out.extend(section));
    out
}

/// Packs ascending ranges of row numbers, both ends included.
#[must_use]
pub fn pack_ranges(ranges: &[(i64, i64)]) -> Vec<u8> {
    runs::write_ranges(Packing::Zstd, ranges)
}

/// Reads what [`pack_ranges`] wrote.
///
/// # Errors
/// [`CodecError`] when the bytes are something else.
pub fn unpack_ranges(bytes: &[u8]) -> Result<Vec<(i64, i64)>, CodecError> {
    runs::read_ranges(Packing::Zstd, bytes, RANGES_MAX, u64::MAX)
}

fn put_u32(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::codec::{CODEC_PCO, CODEC_ZSTD, checksum, decode};
    use super::*;

    fn column(values: Vec<f64>, nulls: Vec<u32>) -> ColumnValues {
        ColumnValues { values, nulls }
    }

    fn round_trip(seq: &[(i64, i64)], times_us: &[i64], columns: &[ColumnValues]) {
        for packing in [Packing::Pco, Packing::Zstd] {
            let bytes = pack(packing, seq, times_us, columns);
            let view = View::open(packing.codec(), checksum(&bytes), &bytes).unwrap();
            assert_eq!((view.row_count(), view.column_count()), (times_us.len(), columns.len()));
            assert_eq!(view.seq_ranges().unwrap(), seq);
            assert_eq!(view.times_us().unwrap(), times_us);
            for (index, sent) in columns.iter().enumerate() {
                // As text: infinities of both signs add up to a NaN, which equals nothing.
                assert_eq!(format!("{:?}", view.summary(index).unwrap()), format!("{:?}", Summary::of(sent)));
                let found = view.column(index).unwrap();
                assert_eq!(found.nulls, sent.nulls, "{packing:?}");
                for (row, value) in found.values.iter().enumerate() {
                    if sent.nulls.binary_search(&u32::try_from(row).unwrap()).is_err() {
                        assert_eq!(value.to_bits(), sent.values[row].to_bits(), "{packing:?}, row {row}");
                    }
                }
            }
            let rows = decode(packing.codec(), checksum(&bytes), &bytes).unwrap();
            assert_eq!((rows.times_us.as_slice(), rows.columns.len()), (times_us, columns.len()));
        }
    }

    #[test]
    fn odd_values_survive_bit_for_bit() {
        let odd =
            vec![-0.0, f64::NAN, f64::INFINITY, 5e-324, 1.0 / 3.0, f64::MAX, f64::from_bits(0x7ff8_0000_0000_1234)];
        let times: Vec<i64> = vec![i64::MIN, i64::MAX, 0, -1, 1, i64::MAX, 7];
        round_trip(&[(0, 6)], &times, &[column(odd.clone(), vec![]), column(odd, vec![0, 3, 6])]);
        round_trip(&[(i64::MAX, i64::MAX)], &[1], &[column(vec![0.0], vec![0])]);
        round_trip(&[(3, 3), (9, 9)], &[1, 2], &[]);
    }

    #[test]
    fn a_flipped_bit_is_noticed_and_a_chunk_is_no_journal() {
        let bytes = pack(Packing::Pco, &[(0, 1)], &[1, 2], &[column(vec![3.1, 3.2], vec![])]);
        let stored = checksum(&bytes);
        let mut damaged = bytes.clone();
        damaged[12] ^= 1;
        assert!(View::open(CODEC_PCO, stored, &damaged).is_err());
        assert!(View::open(7, stored, &bytes).is_err());
        assert!(View::open(CODEC_ZSTD, stored, &bytes).and_then(|view| view.times_us()).is_err());
    }

    #[test]
    fn a_day_of_a_cycler_takes_four_bytes_a_row_and_less() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut noise = |size: f64| (random.f64() + random.f64() + random.f64() - 1.5) * size;
        let rows = CHUNK_ROWS_MAX;
        let times: Vec<i64> = (0_i64..).take(rows).map(|row| row * 1_000_000).collect();
        #[expect(clippy::cast_precision_loss, reason = "row numbers")]
        let mut measured = |start: f64, slope: f64, size: f64, step: f64| {
            let values = (0..rows).map(|row| ((start + slope * row as f64 + noise(size)) / step).round() * step);
            // The nearest double of the decimal number, as an instrument sends it.
            column(values.map(|value| format!("{value:.4}").parse().unwrap()).collect(), vec![])
        };
        let columns =
            [measured(3.6, 4e-5, 3e-4, 1e-4), measured(5.0, 0.0, 3e-4, 1e-4), measured(25.0, 1e-4, 0.02, 0.01)];
        let size = pack(Packing::Pco, &[(0, 16_383)], &times, &columns).len();
        assert!(size < 3 * rows, "{size} bytes for {rows} rows of three columns");
    }

    proptest! {
        #[test]
        fn any_bits_come_back(
            rows in prop::collection::vec((any::<i64>(), any::<u64>(), -40_000_i32..40_000, any::<bool>()), 1..200),
            decimals in 0_i32..10,
            gap in 0_i64..5,
        ) {
            let times: Vec<i64> = rows.iter().map(|row| row.0).collect();
            let nulls: Vec<u32> = (0..).zip(&rows).filter(|(_, row)| row.3).map(|(index, _)| index).collect();
            let scale = 10_f64.powi(decimals);
            let columns = [
                column(rows.iter().map(|row| f64::from_bits(row.1)).collect(), nulls.clone()),
                column(rows.iter().map(|row| f64::from(row.2) / scale).collect(), nulls),
                column(rows.iter().map(|row| f64::from(row.2) / scale).collect(), vec![]),
            ];
            let count = i64::try_from(rows.len()).unwrap();
            let seq: Vec<(i64, i64)> = if gap == 0 { vec![(5, 4 + count)] } else { (0..count).map(|row| (row * (gap + 1), row * (gap + 1))).collect() };
            round_trip(&seq, &times, &columns);
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), codec in 1_i64..3, head in any::<bool>()) {
            let mut bytes = bytes;
            if head {
                bytes.splice(0..0, [VERSION, 3, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 30, 0, 0, 0, 40, 0, 0, 0]);
            }
            if let Ok(view) = View::open(codec, checksum(&bytes), &bytes) {
                let _ = (view.seq_ranges(), view.times_us(), view.column(0));
            }
        }
    }
}
