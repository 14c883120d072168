//! Whether what devices send can be stored at the moment, for whoever has to say so: `/readyz`, the pages, alarms.
//!
//! The writer notes here how its attempts end. Nothing of this is stored: it is asked for exactly when nothing can be.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{Failing, StoreError};

/// A commit that takes longer counts as trouble although nothing failed yet: a database whose disk is full may just wait.
pub const COMMIT_PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What fails, for deciding what to do.
    pub what: Failing,
    /// When the first attempt of this trouble began, µs UTC.
    pub since_us: i64,
    /// What the database said last, with its causes; of a commit without an answer, since how long it is waited for.
    pub error: String,
    /// Attempts that failed one after the other.
    pub attempts: u64,
    /// Messages of the attempt; many more may wait behind them.
    pub messages: usize,
}

/// The state of the writer. Cheap to clone: all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Health {
    lanes: Arc<Mutex<Vec<LaneHealth>>>,
}

#[derive(Debug, Default)]
struct LaneHealth {
    /// The attempt under way: when it began, on both clocks, and how many messages it holds.
    attempt: Option<(Instant, i64, usize)>,
    trouble: Option<Trouble>,
    /// When the last commit succeeded, µs UTC.
    committed_at_us: Option<i64>,
}

impl Health {
    /// A lane of the writer reports here from now on.
    #[must_use]
    pub(super) fn lane(&self) -> LaneReporter {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.push(LaneHealth::default());
        LaneReporter { health: self.clone(), index: lanes.len() - 1 }
    }

    /// What is wrong now, the oldest trouble first to be told; `None` while everything is stored.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.iter().filter_map(LaneHealth::trouble).min_by_key(|trouble| trouble.since_us)
    }

    /// When something was committed last, µs UTC; `None` since the start.
    #[must_use]
    pub fn committed_at_us(&self) -> Option<i64> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.iter().filter_map(|lane| lane.committed_at_us).max()
    }
}

impl LaneHealth {
    fn trouble(&self) -> Option<Trouble> {
        let waiting = self.attempt.filter(|(began, ..)| began.elapsed() >= COMMIT_PATIENCE);
        match (&self.trouble, waiting) {
            (Some(trouble), _) => Some(trouble.clone()),
            (None, Some((began, since_us, messages))) => Some(Trouble {
                what: Failing::Slow,
                since_us,
                error: format!("a commit has not been answered for {} s", began.elapsed().as_secs()),
                attempts: 0,
                messages,
            }),
            (None, None) => None,
        }
    }
}

/// How one lane of the writer tells its fortunes.
#[derive(Debug)]
pub(super) struct LaneReporter {
    health: Health,
    index: usize,
}

impl LaneReporter {
    fn change(&self, change: impl FnOnce(&mut LaneHealth)) {
        let mut lanes = self.health.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(self.index) {
            change(lane);
        }
    }

    /// An attempt to store `messages` begins.
    pub(super) fn begins(&self, now_us: i64, messages: usize) {
        self.change(|lane| lane.attempt = Some((Instant::now(), now_us, messages)));
    }

    /// The attempt succeeded: whatever was wrong is over.
    pub(super) fn stored(&self, now_us: i64) {
        self.change(|lane| *lane = LaneHealth { committed_at_us: Some(now_us), ..LaneHealth::default() });
    }

    /// The database answered, and refused the values: they are at fault, not the database.
    pub(super) fn refused(&self) {
        self.change(|lane| lane.attempt = None);
    }

    /// The attempt failed and will be repeated.
    pub(super) fn failed(&self, error: &StoreError, words: &str) {
        self.change(|lane| {
            let Some((_, began_us, messages)) = lane.attempt.take() else { return };
            let before = lane.trouble.take();
            lane.trouble = Some(Trouble {
                what: error.failing(),
                since_us: before.as_ref().map_or(began_us, |before| before.since_us),
                error: words.to_owned(),
                attempts: before.map_or(1, |before| before.attempts.saturating_add(1)),
                messages,
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> StoreError {
        StoreError::Open { url: "sqlite://x".into(), reason: "gone".into() }
    }

    #[test]
    fn trouble_lasts_from_the_first_failed_attempt_to_the_next_commit() {
        let health = Health::default();
        let lane = health.lane();
        assert_eq!((health.trouble(), health.committed_at_us()), (None, None));
        for now_us in [100, 200] {
            lane.begins(now_us, 7);
            lane.failed(&away(), "gone");
        }
        let trouble = health.trouble().unwrap();
        assert_eq!((trouble.since_us, trouble.attempts, trouble.messages), (100, 2, 7));
        assert_eq!((trouble.what, trouble.error.as_str()), (Failing::Away, "gone"));
        lane.begins(300, 7);
        assert!(health.trouble().is_some(), "it is not over before something is stored");
        lane.stored(301);
        assert_eq!((health.trouble(), health.committed_at_us()), (None, Some(301)));
    }

    #[test]
    fn one_lane_in_trouble_is_trouble_and_the_longest_is_told() {
        let health = Health::default();
        let lanes = [health.lane(), health.lane()];
        for (lane, now_us) in lanes.iter().zip([500, 400]) {
            lane.begins(now_us, 1);
            lane.failed(&away(), "gone");
        }
        assert_eq!(health.trouble().unwrap().since_us, 400);
        lanes[1].begins(600, 1);
        lanes[1].stored(600);
        assert_eq!(health.trouble().unwrap().since_us, 500);
    }

    #[test]
    fn values_at_fault_are_no_trouble_of_the_database() {
        let health = Health::default();
        let lane = health.lane();
        lane.begins(1, 1);
        lane.refused();
        assert_eq!(health.trouble(), None);
    }
}
