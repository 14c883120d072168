//! An experiment with many rows of the fine set, sealed as the server seals them.

use std::time::{Duration, Instant};

use cellar::domain::audit::Actor;
use cellar::domain::ids::{DeviceId, ExperimentId, StreamId};
use cellar::domain::profile::Steps;
use cellar::domain::sample::Subject;
use cellar::series::chunk::Packing;
use cellar::series::codec;
use cellar::store::Store;
use cellar::store::blocks::NewBlock;
use cellar::store::experiments::NewExperiment;
use cellar::store::streams::Latest;

use crate::battery;
use crate::fine::Fine;

/// When the first row was measured, µs UTC.
pub(crate) const START_US: i64 = 1_690_000_000_000_000;
const BLOCK_ROWS: usize = 16_384;
/// Journal blocks between two sealings: what one sealing takes.
const BLOCKS: usize = 4;

/// What was filled, and how long sealing took of it.
pub(crate) struct Filled {
    pub(crate) experiment: ExperimentId,
    pub(crate) stream: StreamId,
    pub(crate) end_us: i64,
    pub(crate) sealing: Duration,
}

/// Adds an experiment of at least so many rows to an empty database.
pub(crate) async fn experiment(store: &Store, rows: usize) -> Filled {
    let by = Actor::server("bench");
    let battery = store.add_battery(&by, &battery::cell("bench"), None, 1).await.unwrap();
    let device: DeviceId = "bench".parse().unwrap();
    let station = store.add_station("bench", &device).await.unwrap();
    let profile = store.add_profile("bench", &Steps { steps: vec![], cycles: 1 }, 1).await.unwrap();
    let new = NewExperiment::new("bench", battery, station, profile);
    let experiment = store.queue_experiment(&by, &new, None, START_US).await.unwrap();
    let mut fine = Fine::new(START_US);
    let mut filled = Filled { experiment, stream: StreamId(0), end_us: START_US, sealing: Duration::ZERO };
    let mut seq = 0;
    while seq < i64::try_from(rows).unwrap() {
        let mut group = store.begin_group().await.unwrap();
        let stream = group.stream(&device, Subject::Experiment(experiment), 1).await.unwrap().unwrap();
        for _ in 0..BLOCKS {
            let (times, columns) = fine.rows(BLOCK_ROWS);
            let column_set_id = group.column_set(&columns).await.unwrap();
            let content = codec::encode(&times, &columns);
            let (at0_us, at1_us) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
            let new = NewBlock {
                stream,
                boot: 1,
                seq0: seq,
                row_count: times.len(),
                at0_us,
                at1_us,
                dated: true,
                tick_offset_us: 0,
                received_at_us: at1_us,
                column_set_id,
                crc: codec::checksum(&content),
                content: content.into(),
            };
            group.insert_blocks(&[new]).await.unwrap();
            seq += i64::try_from(BLOCK_ROWS).unwrap();
            filled.end_us = at1_us;
        }
        let latest = Latest {
            boot: 1,
            seq: seq - 1,
            at_us: filled.end_us,
            received_at_us: filled.end_us,
            values_json: "{}".to_owned(),
            row_total: seq,
            first_at_us: START_US,
            span_max_us: 17_000_000_000,
        };
        group.set_latest(&[(stream, latest)]).await.unwrap();
        group.commit().await.unwrap();
        filled.stream = stream;
        let began = Instant::now();
        let sealed = store.seal_stream(stream, Packing::Pco, true, filled.end_us).await.unwrap();
        assert_eq!(sealed.rows, BLOCKS * BLOCK_ROWS);
        filled.sealing += began.elapsed();
    }
    filled
}
