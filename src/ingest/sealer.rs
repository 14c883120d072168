//! Seals what has gathered in the journal, in the background, on the server that leads.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::domain::ids::StreamId;
use crate::series::chunk::Packing;
use crate::store::{Store, StoreError};

/// How often the journal is looked at: at full load a stream fills a chunk in less, and then the sealer does not wait.
const PERIOD: Duration = Duration::from_secs(1);
/// A stream without a new row for so long is sealed though it does not fill a chunk, µs.
const IDLE_US: i64 = 3_600_000_000;
/// How often one stream is sealed before the others have their turn.
const TURNS_MAX: usize = 16;

/// The sealer of one server.
#[derive(Debug, Clone)]
pub struct Sealer {
    store: Store,
    clock: Clock,
    packing: Packing,
}

impl Sealer {
    /// A sealer that packs with pco.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, packing: Packing::Pco }
    }

    /// Works while `may_work` says so, until `stop` is true (or its sender is gone).
    pub async fn run(self, may_work: impl Fn() -> bool, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if !may_work() {
                continue;
            }
            tokio::select! {
                done = self.seal_what_is_due() => match done {
                    Ok(()) => is_failing = false,
                    Err(error) if !is_failing => {
                        is_failing = true;
                        tracing::warn!(error = &error as &dyn std::error::Error, "the journal cannot be sealed, trying again");
                    }
                    Err(_) => {}
                },
                // A sealing that is dropped leaves no trace.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Seals until no stream has a chunk's worth left; goes on with the others when one cannot be sealed.
    ///
    /// # Errors
    /// The first that came up.
    pub async fn seal_what_is_due(&self) -> Result<(), StoreError> {
        let idle_since_us = self.clock.now_us().saturating_sub(IDLE_US);
        let mut failed = None;
        for stream in self.store.streams_to_seal(idle_since_us).await? {
            if let Err(error) = self.seal(stream, idle_since_us).await {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn seal(&self, stream: StreamId, idle_since_us: i64) -> Result<(), StoreError> {
        let latest = self.store.latest(stream).await?;
        let is_idle = latest.is_some_and(|latest| latest.received_at_us < idle_since_us);
        for _ in 0..TURNS_MAX {
            let sealed = self.store.seal_stream(stream, self.packing, is_idle, self.clock.now_us()).await?;
            if sealed.rows == 0 {
                break;
            }
        }
        Ok(())
    }
}
