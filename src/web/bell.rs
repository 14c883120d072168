//! The bell: how many alarms wait for an answer, for the top bar of every page and for programs that ask.
//!
//! One task reads the numbers for all pages. Alarms that are not stored yet count from memory, so that a database that is
//! away does not hide them.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::State;
use crate::domain::safety::Severity;
use crate::ingest::lookout::Lookout;
use crate::store::alarm_list::OpenCounts;
use crate::store::alarms::NewAlarm;

/// How often the numbers are read.
const PERIOD: Duration = Duration::from_secs(1);
/// Longest wait for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the top bar shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rings {
    /// Alarms without an answer.
    pub alarms: i64,
    /// Warnings without an answer.
    pub warnings: i64,
    /// The newest alarm among those stored: a page that knows a lower number has news.
    pub newest_alarm_id: i64,
    /// The newest alarm in words, for whoever cannot see the page change.
    pub newest: String,
    /// Why nothing can be stored now; empty while everything is.
    pub trouble: String,
}

/// The bell of one server. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Bell {
    rings: Arc<watch::Sender<Rings>>,
    /// Pages that follow it.
    pub(super) listeners: Arc<AtomicUsize>,
}

impl Bell {
    /// What it shows now.
    #[must_use]
    pub fn rings(&self) -> Rings {
        self.rings.borrow().clone()
    }

    /// Every change of it from now on, and what it shows now as the first one.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Rings> {
        let mut rings = self.rings.subscribe();
        rings.mark_changed();
        rings
    }

    fn set(&self, rings: Rings) {
        self.rings.send_if_modified(|shown| std::mem::replace(shown, rings) != *shown);
    }
}

/// Keeps the bell up to date until the server stops.
pub async fn run(state: State, mut stopped: watch::Receiver<bool>) {
    let mut tick = interval(PERIOD);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stored = OpenCounts::default();
    let mut newest = String::new();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stopped.changed() => return,
        }
        // What is known stays while the database is away.
        if let Ok(Ok(counts)) = timeout(PATIENCE, state.store.open_alarm_counts()).await {
            if counts.newest_alarm_id > stored.newest_alarm_id
                && let Ok(Ok(Some(alarm))) = timeout(PATIENCE, state.store.alarm(counts.newest_alarm_id.into())).await
            {
                newest = alarm.message;
            }
            stored = counts;
        }
        let unstored = state.lookout.get().map(Lookout::unstored).unwrap_or_default();
        let trouble = state.ingest.trouble().map(|trouble| trouble.what.words().to_owned()).unwrap_or_default();
        state.bell.set(rings(stored, &newest, &unstored, trouble));
    }
}

fn rings(stored: OpenCounts, newest: &str, unstored: &[NewAlarm], trouble: String) -> Rings {
    let count = |is: fn(Severity) -> bool| {
        i64::try_from(unstored.iter().filter(|alarm| is(alarm.severity)).count()).unwrap_or(i64::MAX)
    };
    let newest_unstored = unstored.iter().find(|alarm| alarm.severity >= Severity::Alarm);
    Rings {
        alarms: stored.alarms + count(|severity| severity >= Severity::Alarm),
        warnings: stored.warnings + count(|severity| severity == Severity::Warning),
        newest_alarm_id: stored.newest_alarm_id,
        newest: newest_unstored.map_or_else(|| newest.to_owned(), |alarm| alarm.message.clone()),
        trouble,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::alarms::Source;

    #[test]
    fn alarms_that_are_not_stored_yet_ring_too() {
        let alarm = |severity| NewAlarm {
            source: Source::default(),
            severity,
            code: "x".into(),
            message: format!("{severity:?}"),
            value: None,
            limit: None,
            at_us: 0,
            is_late: false,
        };
        let stored = OpenCounts { alarms: 2, warnings: 1, newest_alarm_id: 9 };
        let unstored = [alarm(Severity::Warning), alarm(Severity::Critical), alarm(Severity::Info)];
        let rings = rings(stored, "old", &unstored, String::new());
        assert_eq!((rings.alarms, rings.warnings, rings.newest.as_str()), (3, 2, "Critical"));
    }
}
