//! What the writer alone can store, without MQTT: 50-row batches of 8 columns into SQLite (FULL).
//!
//! The ceiling of `benches/ingest.rs`, and quick enough to run between two edits of the store:
//! `cargo bench --bench writer`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at the first failure and prints")]

#[path = "lab/battery.rs"]
mod battery;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cellar::clock::Clock;
use cellar::domain::audit::Actor;
use cellar::domain::ids::{BatteryId, DeviceId};
use cellar::domain::sample::{Batch, Column, Subject, TimeBase};
use cellar::ingest::events::Events;
use cellar::ingest::intake::{AckInbox, Intake, Job, Message, Ticket};
use cellar::ingest::writer::Writer;
use cellar::store::Store;

const ROWS: usize = 50;
const DEVICES: usize = 8;
const WINDOW: usize = 200;
const TIME: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let url = std::env::var("CELLAR_BENCH_DATABASE_URL")
        .unwrap_or_else(|_| format!("sqlite://{}", folder.path().join("bench.db").display()));
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let name = format!("bench {}", Clock::System.now_us());
    let battery = store.add_battery(&Actor::server("test"), &battery::cell(&name), None, 1).await.unwrap();
    let (intake, jobs) = Intake::new();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(Writer::new(store.clone(), jobs, Events::default(), Clock::System, stopped).run());
    let started = Instant::now();
    let devices: Vec<_> = (0..DEVICES).map(|index| tokio::spawn(device(intake.clone(), battery, index))).collect();
    let mut batches = 0;
    for device in devices {
        batches += device.await.unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of batches")]
    let rate = (batches * ROWS) as f64 / seconds / 1e6;
    println!("writer alone, {}: {rate:.2} M samples/s", store.engine().name());
}

/// Keeps a window of batches on the way until the time is over; returns how many were acknowledged.
async fn device(intake: Intake, battery: BatteryId, index: usize) -> usize {
    let id: DeviceId = format!("bench-{index}").parse().unwrap();
    let inbox = AckInbox::new();
    let started = Instant::now();
    let (mut sent, mut acknowledged) = (0, 0);
    let mut next = batch(battery);
    while acknowledged < sent || started.elapsed() < TIME {
        while sent - acknowledged < WINDOW && started.elapsed() < TIME {
            next.seq = i64::try_from(sent * ROWS).unwrap();
            for at_us in &mut next.times_us {
                *at_us += 5_000_000;
            }
            let ticket = Ticket::new(Arc::clone(&inbox), 0);
            let room = intake.room(3_200).await.unwrap();
            let message = Message::samples(next.clone());
            intake.submit(Job { device: id.clone(), message, ticket, room }).await.unwrap();
            sent += 1;
        }
        if acknowledged < sent {
            inbox.wait().await;
            acknowledged += inbox.take().tokens.len();
        }
    }
    acknowledged
}

fn batch(battery: BatteryId) -> Batch {
    fastrand::seed(7);
    let names = ["voltage_v", "current_a", "power_w", "temperature_c", "ambient_c", "capacity_ah", "energy_wh"];
    let columns = names.iter().map(|name| Column {
        name: (*name).to_owned(),
        values: (0..ROWS).map(|_| f64::from(fastrand::i32(36_000..37_000)) / 1e4).collect(),
        nulls: vec![],
    });
    Batch {
        boot: fastrand::u32(..),
        seq: 0,
        subject: Subject::Battery(battery),
        base: TimeBase::Utc,
        times_us: (0..50).map(|row| 1_790_000_000_000_000 + row * 100_000 + fastrand::i64(-1_500..1_500)).collect(),
        columns: columns.collect(),
    }
}
