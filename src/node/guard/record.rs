//! What the guard did, written down when the database answers.

use std::collections::VecDeque;

use super::stop::{Cause, Stop};
use crate::domain::ids::{CommandId, DeviceId};
use crate::domain::safety::Code;
use crate::store::alarm_stops::StopRecord;
use crate::store::alarms::{NewAlarm, Source};
use crate::store::{Store, StoreError};

/// Most entries that wait for a database that is away; of more, the oldest that are no stop give way.
const ENTRIES_MAX: usize = 2_000;
/// Entries of one transaction.
pub(super) const AT_A_TIME: usize = 64;

/// One thing to be written down.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry {
    Raise(NewAlarm),
    Clear(Source, Code),
    Stop(Box<Stop>),
    Confirmed { command: CommandId, device: DeviceId, at_us: i64 },
}

/// What is still to be written down, in order.
#[derive(Debug, Default)]
pub(super) struct Diary {
    entries: VecDeque<Entry>,
}

impl Diary {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn raise(&mut self, alarm: NewAlarm) {
        self.push(Entry::Raise(alarm));
    }

    pub(super) fn clear(&mut self, source: Source, code: Code) {
        self.push(Entry::Clear(source, code));
    }

    pub(super) fn stop(&mut self, stop: Stop) {
        self.push(Entry::Stop(Box::new(stop)));
    }

    pub(super) fn confirmed(&mut self, stop: &Stop, at_us: i64) {
        self.push(Entry::Confirmed { command: stop.command, device: stop.device.clone(), at_us });
    }

    fn push(&mut self, entry: Entry) {
        if self.entries.len() >= ENTRIES_MAX {
            let expendable = |entry: &Entry| matches!(entry, Entry::Raise(_) | Entry::Clear(..));
            let index = self.entries.iter().position(expendable).unwrap_or(0);
            self.entries.remove(index);
        }
        self.entries.push_back(entry);
    }

    /// The next entries to be written down.
    pub(super) fn next(&self) -> Vec<Entry> {
        self.entries.iter().take(AT_A_TIME).cloned().collect()
    }

    /// These are written down, or never can be.
    pub(super) fn done(&mut self, entries: &[Entry]) {
        for entry in entries {
            // A full diary may have dropped some of them meanwhile.
            if self.entries.front() == Some(entry) {
                self.entries.pop_front();
            }
        }
    }

    /// Alarms that are not stored yet and not over, the newest first, each source and code once.
    pub(super) fn unstored(&self) -> Vec<NewAlarm> {
        let mut alarms: Vec<NewAlarm> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Raise(alarm) => {
                    alarms.retain(|known| (&known.source, &known.code) != (&alarm.source, &alarm.code));
                    alarms.push(alarm.clone());
                }
                Entry::Clear(source, code) => {
                    alarms.retain(|known| known.source != *source || known.code != code.as_str());
                }
                Entry::Stop(_) | Entry::Confirmed { .. } => {}
            }
        }
        alarms.reverse();
        alarms
    }
}

/// Writes entries down in one transaction.
///
/// # Errors
/// When the database fails; then nothing of it is stored.
pub(super) async fn write(store: &Store, entries: &[Entry], now_us: i64) -> Result<(), StoreError> {
    let mut group = store.begin_group().await?;
    for entry in entries {
        match entry {
            Entry::Raise(alarm) => {
                group.raise_alarm(alarm).await?;
            }
            Entry::Clear(source, code) => group.clear_alarm(source, code.as_str(), now_us).await?,
            Entry::Stop(stop) => {
                let reason = stop.reason();
                let record = StopRecord {
                    command: stop.command,
                    device: &stop.device,
                    station: stop.station,
                    experiment: stop.experiment,
                    actor: stop.actor(),
                    reason: &reason,
                    at_us: stop.first_us,
                    is_silence: matches!(stop.cause, Cause::Rule { code: Code::Silent, .. }),
                    is_fault: matches!(stop.cause, Cause::Rule { .. }),
                };
                group.record_stop(&record).await?;
            }
            Entry::Confirmed { command, device, at_us } => group.stop_answered(*command, device, *at_us).await?,
        }
    }
    group.commit().await
}
