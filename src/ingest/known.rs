//! What the writer remembers of the database between groups. All of it can be read again: a failed commit throws it away.

use std::collections::{HashMap, HashSet};

use crate::domain::ids::{DeviceId, StreamId};
use crate::domain::sample::{Column, Subject};
use crate::ingest::intake::Committed;
use crate::series::ranges::RangeSet;
use crate::store::streams::Latest;
use crate::store::{Group, StoreError};

/// Entries of one kind before the writer forgets them all: far more than a lab has, a few megabytes.
const ENTRIES_MAX: usize = 100_000;
/// Ranges after `upto` named in an acknowledgement; a device with more holes than that sends the rest again.
const COMMITTED_ALSO_MAX: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Known {
    streams: HashMap<(DeviceId, Subject), StreamId>,
    column_sets: HashMap<Vec<String>, i64>,
    rows: HashMap<(DeviceId, u32), RangeSet>,
    offsets: HashMap<(DeviceId, u32), i64>,
    latest: HashMap<StreamId, Latest>,
    seen: HashMap<DeviceId, i64>,
    /// The boot each device said hello with last.
    boots: HashMap<DeviceId, u32>,
    letters: HashMap<DeviceId, i64>,
}

impl Known {
    /// Forgets everything if it has grown too large; called between groups.
    pub(super) fn bound(&mut self) {
        let largest = [
            self.streams.len(),
            self.column_sets.len(),
            self.rows.len(),
            self.offsets.len(),
            self.latest.len(),
            self.seen.len(),
            self.boots.len(),
            self.letters.len(),
        ];
        if largest.into_iter().any(|entries| entries > ENTRIES_MAX) {
            *self = Self::default();
        }
    }

    /// Forgets what is stored of devices: they connected anew, and may have been connected to another server in between.
    pub(super) fn forget_rows_of(&mut self, devices: &HashSet<&DeviceId>) {
        self.rows.retain(|(device, _), _| !devices.contains(device));
        self.offsets.retain(|(device, _), _| !devices.contains(device));
        for ((device, _), stream) in &self.streams {
            if devices.contains(device) {
                self.latest.remove(stream);
            }
        }
    }

    /// Forgets what is stored of every device: another server may have stored more.
    pub(super) fn forget_rows(&mut self) {
        self.rows.clear();
        self.offsets.clear();
        self.latest.clear();
    }

    /// The stream of a device for a subject; `None` when there is no such experiment or battery.
    pub(super) async fn stream(
        &mut self,
        group: &mut Group,
        device: &DeviceId,
        subject: Subject,
        now_us: i64,
    ) -> Result<Option<StreamId>, StoreError> {
        let key = (device.clone(), subject);
        if let Some(stream) = self.streams.get(&key) {
            return Ok(Some(*stream));
        }
        let stream = group.stream(device, subject, now_us).await?;
        if let Some(stream) = stream {
            self.streams.insert(key, stream);
        }
        Ok(stream)
    }

    /// A device said hello.
    pub(super) fn greeted(&mut self, device: &DeviceId, boot: u32) {
        self.boots.insert(device.clone(), boot);
    }

    /// The boot a device is in, as far as it is known since the start.
    pub(super) fn boot(&self, device: &DeviceId) -> Option<u32> {
        self.boots.get(device).copied()
    }

    /// The id of a list of column names.
    pub(super) async fn column_set(&mut self, group: &mut Group, columns: &[Column]) -> Result<i64, StoreError> {
        let same = |names: &Vec<String>| names.iter().eq(columns.iter().map(|column| &column.name));
        // Devices of a lab send a handful of different sets: comparing beats building a key per batch.
        if let Some((_, id)) = self.column_sets.iter().find(|(names, _)| same(names)) {
            return Ok(*id);
        }
        let id = group.column_set(columns).await?;
        self.column_sets.insert(columns.iter().map(|column| column.name.clone()).collect(), id);
        Ok(id)
    }

    /// Which rows of a boot are stored; read from the database at first use.
    pub(super) async fn rows(
        &mut self,
        group: &mut Group,
        device: &DeviceId,
        boot: u32,
    ) -> Result<&mut RangeSet, StoreError> {
        let key = (device.clone(), boot);
        Ok(match self.rows.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(group.committed_rows(device, boot).await?),
        })
    }

    /// What is stored of a boot, for an acknowledgement.
    pub(super) fn committed(&self, device: &DeviceId, boot: u32) -> Committed {
        let Some(rows) = self.rows.get(&(device.clone(), boot)) else {
            return Committed { boot, upto: -1, also: Vec::new() };
        };
        let upto = rows.upto();
        let later = &rows.ranges()[usize::from(upto >= 0)..];
        let also = later[later.len().saturating_sub(COMMITTED_ALSO_MAX)..].to_vec();
        Committed { boot, upto, also }
    }

    /// UTC minus ticks of a boot; `None` while nobody dated it.
    pub(super) async fn boot_offset_us(
        &mut self,
        group: &mut Group,
        device: &DeviceId,
        boot: u32,
    ) -> Result<Option<i64>, StoreError> {
        let key = (device.clone(), boot);
        if let Some(offset_us) = self.offsets.get(&key) {
            return Ok(Some(*offset_us));
        }
        let offset_us = group.boot_offset_us(device, boot).await?;
        if let Some(offset_us) = offset_us {
            self.offsets.insert(key, offset_us);
        }
        Ok(offset_us)
    }

    /// The end of a stream as of the last group; `None` while it has no rows.
    pub(super) async fn latest(&mut self, group: &mut Group, stream: StreamId) -> Result<Option<Latest>, StoreError> {
        match self.latest.get(&stream) {
            Some(latest) => Ok(Some(latest.clone())),
            None => group.latest(stream).await,
        }
    }

    pub(super) fn set_latest(&mut self, stream: StreamId, latest: Latest) {
        self.latest.insert(stream, latest);
    }

    /// The ends of streams changed behind the writer's back.
    pub(super) fn forget_latest(&mut self) {
        self.latest.clear();
    }

    /// Whether a sign of life is worth a row update; `true` at most once per `every_us` and device.
    pub(super) fn is_news(&mut self, device: &DeviceId, now_us: i64, every_us: i64) -> bool {
        is_news(&mut self.seen, device, now_us, every_us)
    }

    /// Whether unreadable messages of a device are worth another word; `true` at most once per `every_us` and device.
    pub(super) fn is_news_of_letters(&mut self, device: &DeviceId, now_us: i64, every_us: i64) -> bool {
        is_news(&mut self.letters, device, now_us, every_us)
    }
}

fn is_news(told: &mut HashMap<DeviceId, i64>, device: &DeviceId, now_us: i64, every_us: i64) -> bool {
    match told.get_mut(device) {
        // Either way round: the server's clock may have jumped back.
        Some(seen_us) if (now_us - *seen_us).abs() < every_us => false,
        Some(seen_us) => {
            *seen_us = now_us;
            true
        }
        None => {
            told.insert(device.clone(), now_us);
            true
        }
    }
}
