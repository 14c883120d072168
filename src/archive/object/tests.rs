//! What goes into a file of the archive comes out of it.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|place| format!("column_{place}_v")).collect()
}

fn read(file: &[u8], group: usize, tick_offset_us: i64) -> Result<ChunkRows, ParquetError> {
    let footer = footer(file)?;
    let range = group_range(&footer, group)?;
    let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
    read_group(&footer, group, Bytes::copy_from_slice(&file[range]), tick_offset_us)
}

/// Everything of a chunk that has a meaning, comparable.
fn bits(chunk: &ChunkRows) -> String {
    let of = |column: &ColumnValues| {
        (column.nulls.clone(), present(column).map(f64::to_bits).collect::<Vec<_>>(), column.values.len())
    };
    let columns: Vec<_> = chunk.rows.columns.iter().map(of).collect();
    format!("{} {:?} {:?} {columns:?}", chunk.boot, chunk.seq, chunk.rows.times_us)
}

fn chunk(seq: &[(i64, i64)], times_us: Vec<i64>, columns: Vec<ColumnValues>) -> ChunkRows {
    ChunkRows { boot: 7, tick_offset_us: -5, seq: seq.to_vec(), rows: Rows { times_us, columns } }
}

#[test]
fn odd_values_numbers_and_times_come_back_to_the_bit() {
    let odd = vec![-0.0, 0.0, f64::NAN, f64::INFINITY, 5e-324, f64::MAX, f64::from_bits(0x7ff8_0000_0000_1234), -0.0];
    let times = vec![i64::MIN, i64::MAX, 0, -1, 1, i64::MAX, 7, 7];
    let with = |nulls: &[u32]| ColumnValues { values: odd.clone(), nulls: nulls.to_vec() };
    let sent = [
        chunk(&[(0, 3), (9, 9), (11, 13)], times.clone(), vec![with(&[]), with(&[0, 3, 7])]),
        chunk(&[(i64::MAX - 7, i64::MAX)], times, vec![with(&[0, 1, 2, 3, 4, 5, 6, 7]), with(&[])]),
    ];
    let file = write(&names(2), &[("a".to_owned(), "b".to_owned())], &sent).unwrap();
    for (group, sent) in sent.iter().enumerate() {
        let found = read(&file, group, -5).unwrap();
        assert_eq!(bits(&found), bits(sent));
        assert_eq!(found.fingerprint(), sent.fingerprint());
    }
    assert!(read(&file, 2, 0).is_err());
}

#[test]
fn a_fingerprint_tells_one_bit_one_null_and_one_number_apart() {
    let column = |values: &[f64], nulls: &[u32]| ColumnValues { values: values.to_vec(), nulls: nulls.to_vec() };
    let one = chunk(&[(1, 2)], vec![5, 6], vec![column(&[0.0, 1.0], &[])]);
    for other in [
        chunk(&[(1, 2)], vec![5, 6], vec![column(&[-0.0, 1.0], &[])]),
        chunk(&[(1, 2)], vec![5, 6], vec![column(&[0.0, 1.0], &[0])]),
        chunk(&[(1, 1), (3, 3)], vec![5, 6], vec![column(&[0.0, 1.0], &[])]),
        chunk(&[(1, 2)], vec![5, 7], vec![column(&[0.0, 1.0], &[])]),
        ChunkRows { boot: 8, ..one.clone() },
    ] {
        assert_ne!(one.fingerprint(), other.fingerprint());
    }
    let null = |value| chunk(&[(1, 2)], vec![5, 6], vec![column(&[value, 1.0], &[0])]).fingerprint();
    assert_eq!(null(1.0), null(9.0), "a null has no value");
}

#[test]
fn names_stay_apart() {
    let all = own_and_measured(&["voltage_v".to_owned(), "seq".to_owned(), "seq".to_owned()]);
    assert_eq!(all, ["boot", "seq", "time_utc", "voltage_v", "seq_measured", "seq_measured_measured"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bits_come_back(
        rows in prop::collection::vec((any::<i64>(), any::<u64>(), -40_000_i32..40_000, any::<bool>()), 1..200),
        gap in 0_i64..3,
        offset_us in any::<i64>(),
    ) {
        let nulls: Vec<u32> = (0..).zip(&rows).filter(|(_, row)| row.3).map(|(index, _)| index).collect();
        let columns = vec![
            ColumnValues { values: rows.iter().map(|row| f64::from_bits(row.1)).collect(), nulls: nulls.clone() },
            ColumnValues { values: rows.iter().map(|row| f64::from(row.2) / 1e4).collect(), nulls },
        ];
        let count = i64::try_from(rows.len()).unwrap();
        let seq: Vec<(i64, i64)> = if gap == 0 { vec![(5, 4 + count)] } else { (0..count).map(|row| (row * (gap + 1), row * (gap + 1))).collect() };
        let sent = ChunkRows { tick_offset_us: offset_us, ..chunk(&seq, rows.iter().map(|row| row.0).collect(), columns) };
        let file = write(&names(2), &[], std::slice::from_ref(&sent)).unwrap();
        prop_assert_eq!(bits(&read(&file, 0, offset_us).unwrap()), bits(&sent));
    }

    #[test]
    fn a_damaged_file_is_refused_or_has_another_fingerprint(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let values: Vec<f64> = (0..100).map(|row| f64::from(row) / 3.0).collect();
        let sent = chunk(&[(0, 99)], (0..100).collect(), vec![ColumnValues { values, nulls: vec![4] }]);
        let mut file = write(&names(1), &[], std::slice::from_ref(&sent)).unwrap();
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        // As the archive does it: a panic of the library counts as a refusal.
        let found = std::panic::catch_unwind(|| read(&file, 0, -5));
        if let Ok(Ok(found)) = found {
            prop_assert!(found.fingerprint() != sent.fingerprint() || bits(&found) == bits(&sent));
        }
    }
}
