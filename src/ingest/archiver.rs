//! Moves the rows of old experiments to the archive, and brings back what somebody wants back, in the background, on the
//! server that leads.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::archive::ArchiveError;
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::store::{Store, StoreError};

/// How often somebody's wish to have rows back is looked for.
const PERIOD: Duration = Duration::from_secs(5);
/// How many of those pass between two looks for what is old enough, and for files that are left: ten minutes.
const PERIODS_PER_LOOK: u64 = 120;
/// How long the archiver rests between two files, so that ingest and pages have the disk in between.
const REST: Duration = Duration::from_millis(100);
/// How often a chunk that changes meanwhile is tried again before the others have their turn.
const DISTURBED_MAX: usize = 5;
/// A day, µs.
const DAY_US: i64 = 86_400_000_000;

/// The archiver of one server.
#[derive(Debug, Clone)]
pub struct Archiver {
    store: Store,
    clock: Clock,
    after_days: u32,
}

impl Archiver {
    /// An archiver that moves experiments so many days after their end; with 0 it only brings back.
    #[must_use]
    pub fn new(store: Store, clock: Clock, after_days: u32) -> Self {
        Self { store, clock, after_days }
    }

    /// Works while `may_work` says so, until `stop` is true (or its sender is gone).
    pub async fn run(self, may_work: impl Fn() -> bool, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = String::new();
        let mut periods = 0_u64;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if !may_work() {
                continue;
            }
            let is_look = periods.is_multiple_of(PERIODS_PER_LOOK);
            periods += 1;
            tokio::select! {
                done = self.turn(is_look, &may_work) => match done {
                    Ok(()) => failing.clear(),
                    Err(error) => {
                        // An archive that is away for a day is told of once.
                        let words = error.to_string();
                        if words != failing {
                            tracing::warn!(error = &error as &dyn std::error::Error, "archiving does not go on, trying again");
                        }
                        failing = words;
                    }
                },
                // A step that is dropped leaves a file that is known as left.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn turn(&self, is_look: bool, may_work: impl Fn() -> bool) -> Result<(), StoreError> {
        let mut failed = self.bring_back_what_is_wanted().await.err();
        if is_look {
            if let Err(error) = self.store.remove_left_files(self.clock.now_us()).await {
                failed.get_or_insert(error);
            }
            if self.after_days > 0
                && let Err(error) = self.archive_what_is_old(may_work).await
            {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Archives everything that ended long enough ago; goes on with the others when one cannot be archived.
    ///
    /// # Errors
    /// The first that came up.
    pub async fn archive_what_is_old(&self, may_work: impl Fn() -> bool) -> Result<(), StoreError> {
        let before_us = self.clock.now_us().saturating_sub(i64::from(self.after_days).saturating_mul(DAY_US));
        let by = Actor::server("archive");
        let mut failed = None;
        for (experiment, stream) in self.store.streams_to_archive(before_us).await? {
            let mut disturbed = 0;
            while may_work() && disturbed < DISTURBED_MAX {
                match self.store.archive_part(&by, experiment, stream, self.clock.now_us()).await {
                    Ok(done) if done.is_disturbed => disturbed += 1,
                    Ok(done) if done.chunks == 0 => break,
                    Ok(done) => {
                        tracing::info!(%experiment, rows = done.rows, bytes = done.bytes, "rows archived");
                        tokio::time::sleep(REST).await;
                    }
                    // It is away for all of them.
                    Err(error @ StoreError::Archive(ArchiveError::Away { .. })) => return Err(error),
                    Err(error) => {
                        failed.get_or_insert(error);
                        break;
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn bring_back_what_is_wanted(&self) -> Result<(), StoreError> {
        let mut failed = None;
        let mut came_back = false;
        for experiment in self.store.experiments_to_restore().await? {
            let mut disturbed = 0;
            while disturbed < DISTURBED_MAX {
                match self.store.restore_part(experiment, self.clock.now_us()).await {
                    Ok(done) if done.is_disturbed => disturbed += 1,
                    Ok(done) if done.chunks == 0 => break,
                    Ok(done) => {
                        came_back = true;
                        tracing::info!(%experiment, rows = done.rows, "rows brought back");
                    }
                    Err(error) => {
                        failed.get_or_insert(error);
                        break;
                    }
                }
            }
        }
        if came_back && let Err(error) = self.store.remove_left_files(self.clock.now_us()).await {
            failed.get_or_insert(error);
        }
        failed.map_or(Ok(()), Err)
    }
}
