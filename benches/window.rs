//! How long the monitor's chart waits for a window: a day of 10 rows a second in blocks of 10, SQLite, 2,000 pixels.
//!
//! Bounds hold for journal blocks as they are; sealed chunks with a min/max pyramid will make long windows short.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at the first failure and prints")]

#[path = "lab/battery.rs"]
mod battery;

use std::time::Instant;

use cellar::domain::audit::Actor;
use cellar::domain::ids::DeviceId;
use cellar::domain::sample::{Column, Subject};
use cellar::series::codec;
use cellar::series::window::reduce;
use cellar::store::Store;
use cellar::store::blocks::NewBlock;
use cellar::store::streams::Latest;

const BLOCKS: i64 = 86_400;
const ROWS: i64 = 10;
const ROW_US: i64 = 100_000;
const START_US: i64 = 1_790_000_000_000_000;
const RUNS: usize = 5;
const WIDTH: usize = 2_000;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("bench.db")).await.unwrap();
    store.migrate().await.unwrap();
    let battery = store.add_battery(&Actor::server("test"), &battery::cell("bench"), None, 1).await.unwrap();
    let device: DeviceId = "bench".parse().unwrap();
    let mut group = store.begin_group().await.unwrap();
    let stream = group.stream(&device, Subject::Battery(battery), 1).await.unwrap().unwrap();
    let names = ["voltage_v", "current_a", "temperature_c", "power_w", "capacity_ah", "energy_wh", "step"];
    let columns: Vec<Column> = names
        .iter()
        .map(|name| Column {
            name: (*name).to_owned(),
            values: (0..ROWS).map(|_| f64::from(fastrand::i32(36_000..37_000)) / 1e4).collect(),
            nulls: vec![],
        })
        .collect();
    let column_set_id = group.column_set(&columns).await.unwrap();
    let blocks: Vec<NewBlock<'_>> = (0..BLOCKS)
        .map(|block| {
            let at0_us = START_US + block * ROWS * ROW_US;
            let times: Vec<i64> = (0..ROWS).map(|row| at0_us + row * ROW_US).collect();
            let content = codec::encode(&times, &columns);
            NewBlock {
                stream,
                boot: 1,
                seq0: block * ROWS,
                row_count: 10,
                at0_us,
                at1_us: at0_us + (ROWS - 1) * ROW_US,
                dated: true,
                tick_offset_us: 0,
                received_at_us: at0_us,
                column_set_id,
                crc: codec::checksum(&content),
                content: content.into(),
            }
        })
        .collect();
    group.insert_blocks(&blocks).await.unwrap();
    let end_us = START_US + BLOCKS * ROWS * ROW_US;
    let latest = Latest {
        boot: 1,
        seq: BLOCKS * ROWS - 1,
        at_us: end_us,
        received_at_us: end_us,
        values_json: "{}".to_owned(),
        row_total: BLOCKS * ROWS,
        first_at_us: START_US,
        span_max_us: ROWS * ROW_US,
    };
    group.set_latest(&[(stream, latest)]).await.unwrap();
    group.commit().await.unwrap();

    let wanted: Vec<String> = names[..3].iter().map(|name| (*name).to_owned()).collect();
    for (name, window_s, bound_ms) in
        [("1 min", 60, 10.0), ("5 min", 300, 20.0), ("1 h", 3_600, 60.0), ("24 h", 86_400, 1_000.0)]
    {
        let from_us = end_us - window_s * 1_000_000;
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            let started = Instant::now();
            let pieces = store.window(stream, &wanted, from_us, end_us).await.unwrap();
            let series = reduce(&pieces, wanted.len(), from_us, end_us, WIDTH);
            assert!(series.times_us.len() <= 2 * WIDTH);
            runs.push(started.elapsed().as_secs_f64() * 1e3);
        }
        runs.sort_by(f64::total_cmp);
        println!("window of {name}: median {:.1} ms (bound {bound_ms} ms)", runs[RUNS / 2]);
    }
}
