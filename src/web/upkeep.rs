//! What the pages' part of the server does by itself: forgets old sessions, and tells the log where the audit log stands.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::State;
use crate::auth::session::{ABSOLUTE_US, IDLE_US};
use crate::store::StoreError;

/// How often sessions that no longer count are removed; they open nothing meanwhile.
const PURGE_PERIOD: Duration = Duration::from_secs(3_600);
/// An import that stands still for so long was given up, µs.
const IMPORT_IDLE_US: i64 = 3_600 * 1_000_000;
/// How often the newest audit entry is written to the log, which is kept elsewhere: a log that was cut off and mended
/// afterwards differs from it.
const HEAD_PERIOD: Duration = Duration::from_secs(24 * 3_600);

/// Runs until the server stops.
pub async fn run(state: State, mut stopped: watch::Receiver<bool>) {
    say(remember_addresses(&state).await, "the addresses people signed in from cannot be read");
    let (mut purge, mut head) = (interval(PURGE_PERIOD), interval(HEAD_PERIOD));
    purge.set_missed_tick_behavior(MissedTickBehavior::Delay);
    head.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = purge.tick() => {
                let now_us = state.clock.now_us();
                let purged = state.store.purge_sessions(now_us - IDLE_US, now_us - ABSOLUTE_US).await;
                say(purged, "old sessions cannot be removed");
                let swept = state.store.sweep_imports(now_us - IMPORT_IDLE_US).await;
                say(swept.map(|_| ()), "what is left of broken imports cannot be removed");
            }
            _ = head.tick() => match state.store.audit_head().await {
                Ok((entry, hash)) => tracing::info!(entry, hash, "audit head"),
                Err(error) => say(Err(error), "the audit log's head cannot be read"),
            },
            _ = stopped.changed() => return,
        }
    }
}

/// Whoever was signed in before a restart is not slowed down by what strangers try.
async fn remember_addresses(state: &State) -> Result<(), StoreError> {
    for (name, address, seen_at_us) in state.store.session_addresses().await? {
        if let Ok(address) = address.parse() {
            state.throttle.remember(&name, address, seen_at_us);
        }
    }
    Ok(())
}

fn say(done: Result<(), StoreError>, what: &str) {
    if let Err(error) = done {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what}");
    }
}
