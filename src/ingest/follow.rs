//! Events for a process that shows pages while another one takes the samples: what was committed is read back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::domain::ids::StreamId;
use crate::domain::sample::TimeBase;
use crate::ingest::events::{Event, Events};
use crate::store::streams::STREAMS_SINCE_MAX;
use crate::store::{Store, StoreError};

/// How often the database is asked while somebody watches.
const PERIOD: Duration = Duration::from_millis(500);
/// How far back the first question reaches, µs: a page that opens reads everything older by itself.
const START_US: i64 = 2_000_000;

/// How far each question reaches back behind the newest answer, µs: of two groups that are stored side by side, the one
/// that was begun first may be committed last. Far more than a commit takes.
const LOOK_BACK_US: i64 = 2_000_000;

/// Tells `events` of rows that other processes commit, until `stop` is true.
pub async fn follow(store: Store, events: Events, clock: Clock, mut stop: watch::Receiver<bool>) {
    let mut follower = Follower { store, events, clock, asked_us: None, ends: HashMap::new() };
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = follower.try_one_step().await {
            tracing::warn!(%error, "new samples cannot be read");
        }
    }
}

struct Follower {
    store: Store,
    events: Events,
    clock: Clock,
    /// What the next question begins with; `None` while nobody watches.
    asked_us: Option<i64>,
    /// Last row told of each stream: boot and number.
    ends: HashMap<StreamId, (u32, i64)>,
}

impl Follower {
    async fn try_one_step(&mut self) -> Result<(), StoreError> {
        if !self.events.are_watched() {
            self.asked_us = None;
            self.ends.clear();
            return Ok(());
        }
        let since_us = self.asked_us.unwrap_or_else(|| self.clock.now_us() - START_US);
        let streams = self.store.streams_since(since_us).await?;
        // A full page: the rest of it first.
        let look_back_us = if streams.len() < STREAMS_SINCE_MAX { LOOK_BACK_US } else { 0 };
        for (stream, latest) in streams {
            let Ok(boot) = u32::try_from(latest.boot) else { continue };
            // Of a stream met for the first time only the present end is known.
            let known = self.ends.insert(stream, (boot, latest.seq));
            if let Some(end) = known.filter(|end| end.0 == boot && end.1 < latest.seq) {
                for batch in self.store.stream_batches(stream, end).await? {
                    let offset_us = (batch.base == TimeBase::Utc).then_some(0);
                    self.events.send(Event::Samples { stream, offset_us, rows: Arc::new(batch) });
                }
            }
            self.asked_us = Some((latest.received_at_us - look_back_us).max(since_us));
        }
        Ok(())
    }
}
