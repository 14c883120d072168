//! The writer: stores what devices send, in one lane or several side by side.
//!
//! A reading is a number of a device, so what is stored already, what is new and what is acknowledged next are
//! questions about one device. Devices are therefore spread over the lanes, each always to the same one, and lanes need
//! to know nothing of each other.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::domain::ids::DeviceId;
use crate::ingest::events::Events;
use crate::ingest::health::Health;
use crate::ingest::intake::Job;
use crate::ingest::lane::Lane;
use crate::store::{Engine, Store};

/// Lanes on MariaDB, a connection each: while the database works for one, the other makes its next group ready.
const MYSQL_LANES: usize = 2;
/// SQLite takes one writer at a time: a second lane would only wait for the first.
const SQLITE_LANES: usize = 1;
/// Most messages waiting for a lane: its next group, while it commits one.
const LANE_JOBS_MAX: usize = 4_096;
/// Most messages passed on to the lanes without waiting for more.
const AT_A_TIME: usize = 256;

/// The writer; there is one per database.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    jobs: mpsc::Receiver<Job>,
    events: Events,
    clock: Clock,
    epoch: Arc<AtomicI64>,
    stop: watch::Receiver<bool>,
    health: Health,
}

impl Writer {
    /// A writer that takes from `jobs` until every way in is dropped.
    ///
    /// `stop` only cuts short the waiting for a database that is away.
    #[must_use]
    pub fn new(
        store: Store,
        jobs: mpsc::Receiver<Job>,
        events: Events,
        clock: Clock,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { store, jobs, events, clock, epoch: Arc::default(), stop, health: Health::default() }
    }

    /// Says in `health` how its attempts to store end.
    #[must_use]
    pub fn reporting(self, health: Health) -> Self {
        Self { health, ..self }
    }

    /// Reads what is stored anew whenever this number changes: that of the epoch, since another server led in between.
    #[must_use]
    pub fn in_epoch(self, epoch: Arc<AtomicI64>) -> Self {
        Self { epoch, ..self }
    }

    /// Works until the queue is closed and empty.
    pub async fn run(self) {
        let count = match self.store.engine() {
            Engine::Sqlite => SQLITE_LANES,
            Engine::MySql => MYSQL_LANES,
        };
        let Self { store, mut jobs, events, clock, epoch, stop, health } = self;
        if count == 1 {
            return Lane::new(store, jobs, events, clock, epoch, stop, health.lane()).run().await;
        }
        let mut lanes = JoinSet::new();
        let mut ways = Vec::new();
        for _ in 0..count {
            let (way, jobs) = mpsc::channel(LANE_JOBS_MAX);
            let (store, events, clock, epoch) = (store.clone(), events.clone(), clock.clone(), Arc::clone(&epoch));
            lanes.spawn(Lane::new(store, jobs, events, clock, epoch, stop.clone(), health.lane()).run());
            ways.push(way);
        }
        let mut some = Vec::with_capacity(AT_A_TIME);
        'jobs: loop {
            tokio::select! {
                count = jobs.recv_many(&mut some, AT_A_TIME) => if count == 0 { break },
                // A lane that ends by itself was told to stop, or broke: without it nothing more can be taken.
                _ = lanes.join_next() => break,
            }
            for job in some.drain(..) {
                let lane = lane_of(&job.device, count);
                if ways[lane].send(job).await.is_err() {
                    break 'jobs;
                }
            }
        }
        drop((jobs, ways));
        while lanes.join_next().await.is_some() {}
    }
}

/// The lane of a device, always the same. Ids of a lab are mostly numbered: neighbours go to different lanes.
fn lane_of(device: &DeviceId, lanes: usize) -> usize {
    device.as_str().bytes().map(usize::from).sum::<usize>() % lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_devices_are_spread_evenly() {
        let lanes = (0..100).map(|number| lane_of(&format!("cu-{number:02}").parse().unwrap(), 2));
        assert_eq!(lanes.sum::<usize>(), 50);
    }
}
