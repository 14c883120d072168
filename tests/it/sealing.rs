//! Sealing on both engines: the same rows before and after, in whatever order they come.

use std::collections::BTreeMap;

use cellar::domain::audit::Actor;
use cellar::domain::ids::{BatteryId, DeviceId, StreamId};
use cellar::domain::sample::{Column, Subject};
use cellar::series::chunk::Packing;
use cellar::series::window::{Series, reduce};
use cellar::store::Store;

use crate::support::battery;
use crate::support::series::{column, store_rows};

const DEVICE: &str = "cu-01";
const SECOND_US: i64 = 1_000_000;
const START_US: i64 = 1_790_000_000 * SECOND_US;
/// A moment after everything: all streams are idle then.
const LATER_US: i64 = i64::MAX;

type Row = (i64, BTreeMap<String, Option<u64>>);

async fn battery(store: &Store, name: &str) -> BatteryId {
    store.add_battery(&Actor::server("test"), &battery::cell(name), None, 1).await.unwrap()
}

async fn stream(store: &Store, subject: Subject) -> StreamId {
    store.subject_streams(subject).await.unwrap()[0]
}

/// Every row of a stream by boot and number, bit for bit; fails when they do not come in order.
async fn rows(store: &Store, stream: StreamId) -> BTreeMap<(u32, i64), Row> {
    let mut rows = BTreeMap::new();
    let mut after = (0, -1);
    loop {
        let batches = store.stream_batches(stream, after).await.unwrap();
        let Some(last) = batches.last() else { return rows };
        for batch in &batches {
            for (seq, row) in (batch.seq..).zip(0..batch.rows()) {
                assert!((batch.boot, seq) > after, "{:?} comes after {after:?}", (batch.boot, seq));
                after = (batch.boot, seq);
                let values =
                    batch.columns.iter().map(|column| (column.name.clone(), column.get(row).map(f64::to_bits)));
                rows.insert((batch.boot, seq), (batch.times_us[row], values.collect()));
            }
        }
        assert_eq!(after, (last.boot, last.last_seq()));
    }
}

/// Seals until nothing is left to seal.
async fn seal(store: &Store, stream: StreamId, packing: Packing, everything: bool) -> (usize, usize) {
    let (mut rows, mut chunks) = (0, 0);
    loop {
        let sealed = store.seal_stream(stream, packing, everything, 1).await.unwrap();
        assert!(!sealed.is_disturbed, "nobody else is here");
        if sealed.rows == 0 {
            return (rows, chunks);
        }
        (rows, chunks) = (rows + sealed.rows, chunks + sealed.chunks);
    }
}

async fn drawn(store: &Store, stream: StreamId, from_us: i64, to_us: i64, width: usize) -> (Series, Series) {
    let wanted = ["voltage_v".to_owned(), "rim_c".to_owned()];
    let all = store.window(stream, &wanted, from_us, to_us).await.unwrap();
    let few = store.drawn_window(stream, &wanted, from_us, to_us).await.unwrap();
    (reduce(&all, 2, from_us, to_us, width), reduce(&few, 2, from_us, to_us, width))
}

fn extremes(series: &Series, column: usize) -> (f64, f64) {
    let points = series.columns[column].iter().copied().flatten().filter(|value| !value.is_nan());
    points.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
}

/// Rows of a second each, with a null and a NaN now and then.
fn measured(count: usize, from: i64) -> (Vec<i64>, Vec<Column>) {
    let mut random = fastrand::Rng::with_seed(from.unsigned_abs());
    let times = (0..).take(count).map(|row| START_US + (from + row) * SECOND_US).collect();
    let voltage: Vec<f64> = (0..count).map(|_| f64::from(random.i32(30_000..42_000)) / 1e4).collect();
    let rim: Vec<f64> = (0..count).map(|row| if row % 97 == 5 { f64::NAN } else { random.f64() }).collect();
    let nulls: Vec<u32> = (0..u32::try_from(count).unwrap()).filter(|row| row % 31 == 0).collect();
    (times, vec![column("voltage_v", &voltage, &[]), column("rim_c", &rim, &nulls)])
}

both_engines! {
    async fn sealed_rows_are_the_rows_that_were_measured(store: Store) {
        let subject = Subject::Battery(battery(&store, "NMC-017").await);
        let (times, columns) = measured(70_000, 0);
        store_rows(&store, DEVICE, subject, (1, 0), 50, &times, &columns).await;
        let (late, other) = measured(300, 80_000);
        store_rows(&store, DEVICE, subject, (2, 0), 7, &late, &other[..1]).await;
        let stream = stream(&store, subject).await;
        let before = rows(&store, stream).await;
        assert_eq!(before.len(), 70_300);
        assert_eq!(store.streams_to_seal(0).await.unwrap(), [stream]);
        let (sealed, chunks) = seal(&store, stream, Packing::Pco, false).await;
        assert_eq!((sealed, chunks), (70_000, 5), "the newest boot has not a chunk's worth yet");
        assert!(rows(&store, stream).await == before);
        assert_eq!(store.streams_to_seal(0).await.unwrap(), []);
        assert_eq!(store.streams_to_seal(LATER_US).await.unwrap(), [stream], "nothing comes any more");
        assert_eq!(seal(&store, stream, Packing::Zstd, true).await, (300, 1));
        assert!(rows(&store, stream).await == before);
        assert_eq!(store.streams_to_seal(LATER_US).await.unwrap(), []);

        let device: DeviceId = DEVICE.parse().unwrap();
        let mut group = store.begin_group().await.unwrap();
        assert_eq!(group.committed_rows(&device, 1).await.unwrap().ranges(), [(0, 69_999)]);
        assert_eq!(group.committed_rows(&device, 2).await.unwrap().ranges(), [(0, 299)]);
        let near = group.blocks_with_rows(&device, 1, 16_000, 17_000).await.unwrap();
        assert_eq!(near.iter().map(cellar::store::blocks::StoredBlock::last_seq).next_back(), Some(32_749));
    }

    async fn rows_that_come_late_or_between_those_of_other_streams_take_their_place(store: Store) {
        let (first, second) = (battery(&store, "NMC-017").await, battery(&store, "NMC-018").await);
        let subjects = [Subject::Battery(first), Subject::Battery(second)];
        // A unit counts through all its stations: twenty rows here, twenty there; some come only later.
        let part = |place: usize| (place * 20, measured(20, i64::try_from(place * 20).unwrap()));
        let store_part = async |place: usize| {
            let (seq, (times, columns)) = part(place);
            store_rows(&store, DEVICE, subjects[place % 2], (1, i64::try_from(seq).unwrap()), 20, &times, &columns).await;
        };
        let is_late = |place: usize| matches!(place, 300..360 | 1_000 | 1_001 | 2_100..);
        for place in (0..2_200).filter(|place| !is_late(*place)) {
            store_part(place).await;
        }
        let streams = [stream(&store, subjects[0]).await, stream(&store, subjects[1]).await];
        assert_eq!(seal(&store, streams[0], Packing::Pco, false).await.0, 20_380, "more than a chunk is there");
        assert_eq!(seal(&store, streams[1], Packing::Pco, true).await.0, 20_380);
        for place in (0..2_200).filter(|place| is_late(*place)).rev() {
            store_part(place).await;
        }
        let before = [rows(&store, streams[0]).await, rows(&store, streams[1]).await];
        assert_eq!(before.each_ref().map(BTreeMap::len), [22_000, 22_000]);
        for (stream, before) in streams.iter().zip(&before) {
            seal(&store, *stream, Packing::Pco, true).await;
            assert!(rows(&store, *stream).await == *before);
            let from_us = START_US + 5_000 * SECOND_US;
            let (all, few) = drawn(&store, *stream, from_us, from_us + 30_000 * SECOND_US, 200).await;
            assert_eq!(all, few, "so few rows are drawn from themselves");
        }
        let mut group = store.begin_group().await.unwrap();
        let rows = group.committed_rows(&DEVICE.parse().unwrap(), 1).await.unwrap();
        assert_eq!(rows.ranges(), [(0, 43_999)]);
    }

    async fn a_long_window_is_drawn_from_buckets_with_the_same_extremes(store: Store) {
        let subject = Subject::Battery(battery(&store, "NMC-017").await);
        for part in 0..10 {
            let (mut times, columns) = measured(20_000, part * 20_000);
            // A pause of an hour in the middle of everything.
            times.iter_mut().filter(|at_us| **at_us > START_US + 90_000 * SECOND_US).for_each(|at_us| *at_us += 3_600 * SECOND_US);
            store_rows(&store, DEVICE, subject, (1, part * 20_000), 500, &times, &columns).await;
        }
        let stream = stream(&store, subject).await;
        seal(&store, stream, Packing::Pco, false).await;
        let (late, columns) = measured(100, 210_000);
        store_rows(&store, DEVICE, subject, (1, 200_000), 50, &late, &columns).await;
        for (from, to) in [(0, 220_000), (10_001, 180_333), (33, 150_000), (63, 200_000)] {
            let (from_us, to_us) = (START_US + from * SECOND_US, START_US + to * SECOND_US);
            let (all, few) = drawn(&store, stream, from_us, to_us, 300).await;
            assert!(all.rows > 131_072, "{}", all.rows);
            for column in 0..2 {
                assert_eq!(extremes(&all, column), extremes(&few, column), "{from} to {to}");
            }
            assert_eq!((all.rows, &all.gaps), (few.rows, &few.gaps), "{from} to {to}");
            assert!(few.times_us.len() <= 2 * 300 + 2);
        }
        let pieces = store.drawn_window(stream, &["voltage_v".to_owned()], START_US, LATER_US).await.unwrap();
        let read: usize = pieces.iter().map(|piece| piece.times_us.len()).sum();
        assert!(read < 10_000, "{read} points stand for 200,100 rows");
    }

    async fn a_sealing_that_meets_a_change_does_nothing(store: Store) {
        let subject = Subject::Battery(battery(&store, "NMC-017").await);
        let (times, columns) = measured(20_000, 0);
        store_rows(&store, DEVICE, subject, (1, 0), 100, &times, &columns).await;
        let stream = stream(&store, subject).await;
        let before = rows(&store, stream).await;
        // Several at once, as two servers that both believe to lead would: each row is sealed once.
        let tries = (0..4).map(|_| store.seal_stream(stream, Packing::Pco, true, 1));
        let done = futures_util::future::join_all(tries).await;
        let sealed: usize = done.iter().filter_map(|done| done.as_ref().ok()).map(|sealed| sealed.rows).sum();
        assert_eq!(sealed, 20_000, "{done:?}");
        assert!(rows(&store, stream).await == before);
    }
}
