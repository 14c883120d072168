//! A node without the rest of the server: store, writer, and the endpoint or the bridge.

use std::time::Duration;

use cellar::clock::Clock;
use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::BatteryId;
use cellar::domain::secret::DeviceSecret;
use cellar::ingest::events::Events;
use cellar::ingest::intake::Intake;
use cellar::ingest::writer::Writer;
use cellar::node::bridge::Bridge;
use cellar::node::endpoint::{Endpoint, Registry};
use cellar::node::gate::Gate;
use cellar::node::leader::Epoch;
use cellar::store::Store;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::battery;

/// The device of these tests, and its secret.
pub(crate) const DEVICE: &str = "cu-1";
pub(crate) const SECRET: &str = "secret-1";
/// What has not happened after this time is not going to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Node {
    pub(crate) registry: Option<Registry>,
    pub(crate) port: u16,
    stop: watch::Sender<bool>,
    transport: JoinHandle<()>,
    writer: JoinHandle<()>,
}

/// Registers the device, and a battery for it to measure.
pub(crate) async fn prepare(store: &Store) -> BatteryId {
    let secret = DeviceSecret::sent(SECRET);
    store
        .register_device(&Actor::server("test"), &DEVICE.parse().unwrap(), DeviceKind::Unit, &secret, 1)
        .await
        .unwrap();
    store.add_battery(&Actor::server("test"), &battery::cell(battery::NAME), None, 1).await.unwrap()
}

impl Node {
    /// Serves devices on a free port.
    pub(crate) async fn endpoint(store: &Store) -> Self {
        let (intake, writer, stop, told) = write(store);
        let gate = Gate::new(store.clone(), Clock::System);
        let endpoint =
            Endpoint::bind("127.0.0.1:0".parse().unwrap(), intake, gate, Clock::System, 1.into()).await.unwrap();
        let (registry, port) = (Some(endpoint.registry()), endpoint.local_addr().unwrap().port());
        Self { registry, port, stop, transport: tokio::spawn(endpoint.run(told)), writer }
    }

    /// Takes what devices publish at a broker.
    pub(crate) async fn bridge(store: &Store, url: &str) -> Self {
        let (intake, writer, stop, told) = write(store);
        let bridge = Bridge::new(url, intake, Clock::System, 1.into()).unwrap();
        let mut subscribed = bridge.subscribed();
        let transport = tokio::spawn(bridge.run(told));
        // A broker drops what nobody has subscribed to, so tests must not begin before.
        let there = tokio::time::timeout(PATIENCE, subscribed.wait_for(|subscribed| *subscribed));
        there.await.expect("the broker answers in time").expect("the bridge works");
        Self { registry: None, port: 0, stop, transport, writer }
    }

    /// The same of a server that leads or not; whether it is connected.
    pub(crate) fn bridge_led(
        store: &Store,
        url: &str,
        epoch: &Epoch,
        leads: watch::Receiver<bool>,
    ) -> (Self, watch::Receiver<bool>) {
        let (intake, jobs) = Intake::new();
        let (stop, told) = watch::channel(false);
        let writer = Writer::new(store.clone(), jobs, Events::default(), Clock::System, told.clone());
        let writer = tokio::spawn(writer.in_epoch(epoch.shared()).run());
        let bridge = Bridge::new(url, intake, Clock::System, epoch.clone()).unwrap().led_by(leads);
        let subscribed = bridge.subscribed();
        (Self { registry: None, port: 0, stop, transport: tokio::spawn(bridge.run(told)), writer }, subscribed)
    }

    /// Stops as the server does.
    pub(crate) async fn stop(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(PATIENCE, self.transport).await.expect("an end in time").unwrap();
        tokio::time::timeout(PATIENCE, self.writer).await.expect("an end in time").unwrap();
    }

    /// Breaks off in the middle of everything, as a crash does.
    pub(crate) fn crash(self) {
        self.transport.abort();
        self.writer.abort();
    }
}

fn write(store: &Store) -> (Intake, JoinHandle<()>, watch::Sender<bool>, watch::Receiver<bool>) {
    let (intake, jobs) = Intake::new();
    let (stop, told) = watch::channel(false);
    let writer = Writer::new(store.clone(), jobs, Events::default(), Clock::System, told.clone());
    (intake, tokio::spawn(writer.run()), stop, told)
}

/// A batch of `count` rows from `seq` on.
pub(crate) fn samples(battery: BatteryId, seq: i64, count: i64) -> String {
    let rows = || seq..seq + count;
    json!({
        "boot": 7, "seq": seq, "for": {"battery": battery},
        "at_us": rows().map(|row| 1_790_000_000_000_000 + row * 100_000).collect::<Vec<_>>(),
        "columns": {"voltage_v": rows().map(|row| 3.0 + row as f64 / 1e4).collect::<Vec<_>>()},
    })
    .to_string()
}

/// The rows stored of the device, as ranges (both ends included) in order: one range when all are there once.
pub(crate) async fn stored(store: &Store) -> Vec<(i64, i64)> {
    stored_of(store, DEVICE).await
}

/// The rows stored of a device, likewise.
pub(crate) async fn stored_of(store: &Store, device: &str) -> Vec<(i64, i64)> {
    let mut ranges = Vec::new();
    for (stream, _) in store.device_streams(&device.parse().unwrap()).await.unwrap() {
        let mut last = (0, -1);
        loop {
            let page = store.stream_batches(stream, last).await.unwrap();
            let Some(end) = page.last() else { break };
            last = (end.boot, end.last_seq());
            ranges.extend(page.iter().map(|batch| (batch.seq, batch.last_seq())));
        }
    }
    ranges.sort_unstable();
    ranges.dedup_by(|next, before| {
        let follows = before.1 + 1 == next.0;
        before.1 = if follows { next.1 } else { before.1 };
        follows
    });
    ranges
}

/// Waits until so many rows are stored.
pub(crate) async fn stored_once_there(store: &Store, count: i64) -> Vec<(i64, i64)> {
    stored_once_there_or(store, count, PATIENCE).await
}

/// Waits until so many rows are stored, or that time is over.
pub(crate) async fn stored_once_there_or(store: &Store, count: i64, patience: Duration) -> Vec<(i64, i64)> {
    let began = std::time::Instant::now();
    loop {
        let ranges = stored(store).await;
        if rows(&ranges) >= count || began.elapsed() > patience {
            return ranges;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Number of rows in ranges.
pub(crate) fn rows(ranges: &[(i64, i64)]) -> i64 {
    ranges.iter().map(|(from, to)| to - from + 1).sum()
}
