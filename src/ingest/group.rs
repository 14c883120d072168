//! One commit group: jobs become rows of one transaction.

mod ends;

use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use self::ends::End;
use crate::domain::ids::{DeviceId, StreamId};
use crate::domain::message::DeviceAlarm;
use crate::domain::safety::{Code, Severity};
use crate::domain::sample::{Batch, TimeBase};
use crate::ingest::events::Event;
use crate::ingest::intake::{Job, Message};
use crate::ingest::known::Known;
use crate::ingest::overlap::conflicts;
use crate::ingest::packed::Packed;
use crate::ingest::run::{Run, SMALL_ROWS};
use crate::ingest::wire;
use crate::store::alarms::{NewAlarm, Source};
use crate::store::blocks::NewBlock;
use crate::store::outbox::ReplyOutcome;
use crate::store::stations::ReportOutcome;
use crate::store::{Group, Store, StoreError};

/// A device's row is touched at most this often by its samples; it is shown to the second.
const SEEN_EVERY_US: i64 = 1_000_000;
/// A device that sends more unreadable messages than are kept is told of at most this often.
const LETTERS_ALARM_EVERY_US: i64 = 60_000_000;

/// A group being built.
pub(super) struct Building<'a> {
    group: Group,
    known: &'a mut Known,
    now_us: i64,
    /// Blocks not yet sent to the database.
    blocks: Vec<NewBlock<'a>>,
    /// Small batches that become one block each run.
    runs: BTreeMap<StreamId, Run<'a>>,
    /// Devices that gave a sign of life.
    seen: Vec<DeviceId>,
    /// New ends of streams.
    ends: BTreeMap<StreamId, End>,
    /// What to tell after the commit, if anybody watches.
    events: Option<Vec<Event>>,
    /// The dead letter that is being read again.
    again: Option<Again>,
}

/// A dead letter that is being read again, and what is wrong with it this time.
struct Again {
    letter: i64,
    complaint: Option<String>,
}

/// Stores all jobs in one transaction and returns what happened, or leaves no trace.
pub(super) async fn store_group<'a>(
    store: &Store,
    known: &'a mut Known,
    jobs: &'a [Job],
    now_us: i64,
    watched: bool,
) -> Result<Vec<Event>, StoreError> {
    let group = store.begin_group().await?;
    let mut building = Building {
        group,
        known,
        now_us,
        blocks: Vec::with_capacity(jobs.len()),
        runs: BTreeMap::new(),
        seen: Vec::new(),
        ends: BTreeMap::new(),
        events: watched.then(Vec::new),
        again: None,
    };
    for job in jobs {
        building.add(&job.device, &job.message).await?;
    }
    building.finish().await
}

impl<'a> Building<'a> {
    async fn add(&mut self, device: &DeviceId, message: &'a Message) -> Result<(), StoreError> {
        if let Message::Again(letter, message) = message {
            self.again = Some(Again { letter: *letter, complaint: None });
            self.take(device, message).await?;
            return match self.again.take() {
                Some(Again { letter, complaint: Some(reason) }) => {
                    self.group.letter_still_dead(letter, &reason, self.now_us).await
                }
                _ => self.group.letter_stored(*letter, self.now_us).await,
            };
        }
        if self.known.is_news(device, self.now_us, SEEN_EVERY_US) && !matches!(message, Message::Hello(_)) {
            self.seen.push(device.clone());
            self.tell(|| Event::Device(device.clone()));
        }
        self.take(device, message).await
    }

    async fn take(&mut self, device: &DeviceId, message: &'a Message) -> Result<(), StoreError> {
        match message {
            Message::Samples(packed) => self.samples(device, packed).await,
            Message::Hello(hello) => {
                self.group.device_hello(device, hello, self.now_us).await?;
                self.known.greeted(device, hello.boot);
                // Read now, so that the welcome can say what is stored of this boot.
                self.known.rows(&mut self.group, device, hello.boot).await?;
                self.tell(|| Event::Device(device.clone()));
                Ok(())
            }
            // Every message is a sign of life; this one is nothing else. And only a letter is read again, never one within one.
            Message::Heartbeat(_) | Message::Again(..) => Ok(()),
            Message::Station(report) => {
                let complaint = match self.group.station_report(device, report, self.now_us).await? {
                    ReportOutcome::Noted => {
                        self.tell(|| Event::Station(report.station));
                        return Ok(());
                    }
                    ReportOutcome::NoStation => format!("there is no station {}", report.station),
                    ReportOutcome::NotYours => format!("station {} belongs to another unit", report.station),
                };
                let payload = serde_json::to_vec(report).unwrap_or_default();
                self.set_aside(device, "state", &complaint, &payload).await
            }
            Message::Clock(mark) => {
                if self.group.date_boot(device, *mark).await? {
                    self.flush().await?;
                    let offset_us = mark.at_us.saturating_sub(mark.tick_us);
                    self.group.date_blocks(device, mark.boot, offset_us).await?;
                    self.write_ends().await?;
                    self.group.find_first_rows(device).await?;
                    self.known.forget_latest();
                }
                Ok(())
            }
            Message::Devices(found) => {
                let detection = self.group.note_instruments(device, &found.devices, self.now_us).await?;
                if let Some(command) = found.command_id {
                    self.group.note_detection(device, command, detection).await?;
                }
                Ok(())
            }
            Message::Reply(reply) => match self.group.note_reply(device, reply, self.now_us).await? {
                ReplyOutcome::Noted => Ok(()),
                // Of a command that was sent before it was stored: whoever sent it heard the answer too.
                ReplyOutcome::NoCommand if reply.command_id.0 < 0 => Ok(()),
                ReplyOutcome::NoCommand => {
                    let complaint = format!("this device was given no command {}", reply.command_id);
                    let payload = serde_json::to_vec(reply).unwrap_or_default();
                    self.set_aside(device, "reply", &complaint, &payload).await
                }
            },
            Message::Alarm(alarm) => self.alarm(device, alarm).await,
            Message::Dead(letter) => self.lay_aside(device, &letter.topic, &letter.reason, &letter.payload).await,
        }
    }

    async fn samples(&mut self, device: &DeviceId, packed: &'a Packed) -> Result<(), StoreError> {
        let batch = packed.batch();
        if batch.rows() == 0 {
            return Ok(());
        }
        let Some(stream) = self.known.stream(&mut self.group, device, batch.subject, self.now_us).await? else {
            let reason = format!("there is no {}", batch.subject);
            return self.set_aside_rows(device, batch, &reason).await;
        };
        let (from, to) = (batch.seq, batch.last_seq());
        let rows = self.known.rows(&mut self.group, device, batch.boot).await?;
        if !rows.overlaps(from, to) {
            rows.insert(from, to);
            return self.add_block(device, stream, packed, Cow::Borrowed(&packed.content)).await;
        }
        let missing = rows.missing(from, to);
        self.set_aside_conflicts(device, stream, batch).await?;
        for (first, last) in missing {
            let row = |seq: i64| usize::try_from(seq - from).unwrap_or(usize::MAX);
            let mut part = Packed::new(batch.slice(row(first), row(last) + 1));
            let content = std::mem::take(&mut part.content);
            self.known.rows(&mut self.group, device, batch.boot).await?.insert(first, last);
            self.add_block(device, stream, &part, Cow::Owned(content)).await?;
        }
        Ok(())
    }

    /// Compares the rows of a batch that are there already with what is stored.
    async fn set_aside_conflicts(
        &mut self,
        device: &DeviceId,
        stream: StreamId,
        batch: &Batch,
    ) -> Result<(), StoreError> {
        self.flush().await?;
        let stored = self.group.blocks_with_rows(device, batch.boot, batch.seq, batch.last_seq()).await?;
        for block in stored {
            let names = self.group.column_names(block.column_set_id).await?;
            if block.is_archived() {
                // Nobody can say whether they are the same: they are kept aside, the first ones stay.
                let ranges = block.seq_ranges()?.into_iter().filter_map(|(first, last)| {
                    let (first, last) = (first.max(batch.seq), last.min(batch.last_seq()));
                    let place = |seq: i64| usize::try_from(seq - batch.seq).unwrap_or_default();
                    (first <= last).then(|| (place(first), place(last)))
                });
                for (first, last) in ranges {
                    let part = batch.slice(first, last + 1);
                    let reason = format!(
                        "rows {} to {} of boot {} are stored already, in an archive that does not answer: they cannot be \
                         compared; the first ones are kept",
                        part.seq,
                        part.last_seq(),
                        part.boot
                    );
                    self.set_aside_rows(device, &part, &reason).await?;
                }
                continue;
            }
            let earlier = block.batches(batch.subject, &names)?;
            let touched =
                earlier.iter().filter(|earlier| earlier.seq <= batch.last_seq() && earlier.last_seq() >= batch.seq);
            let ranges = touched.flat_map(|earlier| {
                if block.stream_id == stream.0 {
                    return conflicts(batch, earlier);
                }
                let first = usize::try_from(earlier.seq - batch.seq).unwrap_or(0);
                let last = usize::try_from(earlier.last_seq() - batch.seq).unwrap_or(0).min(batch.rows() - 1);
                vec![(first, last)]
            });
            for (first, last) in ranges.collect::<Vec<_>>() {
                let part = batch.slice(first, last + 1);
                let reason = format!(
                    "rows {} to {} of boot {} are stored already with other content; the first ones are kept",
                    part.seq,
                    part.last_seq(),
                    part.boot
                );
                self.set_aside_rows(device, &part, &reason).await?;
            }
        }
        Ok(())
    }

    async fn add_block(
        &mut self,
        device: &DeviceId,
        stream: StreamId,
        packed: &Packed,
        content: Cow<'a, [u8]>,
    ) -> Result<(), StoreError> {
        let batch = packed.batch();
        let offset_us = match batch.base {
            TimeBase::Utc => Some(0),
            TimeBase::Tick => self.known.boot_offset_us(&mut self.group, device, batch.boot).await?,
        };
        let column_set_id = self.known.column_set(&mut self.group, &batch.columns).await?;
        let shift = offset_us.unwrap_or(0);
        let block = NewBlock {
            stream,
            boot: batch.boot,
            seq0: batch.seq,
            row_count: batch.rows(),
            at0_us: packed.span_us.0.saturating_add(shift),
            at1_us: packed.span_us.1.saturating_add(shift),
            dated: offset_us.is_some(),
            tick_offset_us: shift,
            received_at_us: self.now_us,
            column_set_id,
            crc: packed.crc,
            content,
        };
        self.move_end(device, stream, &block, packed).await?;
        self.push(block, &packed.batch);
        self.tell(|| Event::Samples { stream, offset_us, rows: Arc::clone(&packed.batch) });
        Ok(())
    }

    async fn set_aside_rows(&mut self, device: &DeviceId, batch: &Batch, reason: &str) -> Result<(), StoreError> {
        self.set_aside(device, "samples", reason, &wire::samples_json(batch)).await
    }

    async fn set_aside(
        &mut self,
        device: &DeviceId,
        what: &str,
        reason: &str,
        payload: &[u8],
    ) -> Result<(), StoreError> {
        let topic = format!("cellar/v1/{device}/up/{what}");
        self.lay_aside(device, &topic, reason, payload).await
    }

    /// Keeps a message nobody can use; of a letter that is read again only the reason is new. A device that sends more of
    /// them than are kept is an alarm.
    async fn lay_aside(
        &mut self,
        device: &DeviceId,
        topic: &str,
        reason: &str,
        payload: &[u8],
    ) -> Result<(), StoreError> {
        if let Some(again) = &mut self.again {
            again.complaint.get_or_insert_with(|| reason.to_owned());
            return Ok(());
        }
        let is_kept = self.group.dead_letter(device, topic, reason, payload, self.now_us).await?;
        if !is_kept && self.known.is_news_of_letters(device, self.now_us, LETTERS_ALARM_EVERY_US) {
            let code = Code::DeadLettersOver;
            let message = format!("More unreadable messages today than are kept, the last one: {reason}");
            self.group.raise_alarm(&self.alarm_of(device, code.as_str(), code.severity(), message)).await?;
        }
        Ok(())
    }

    /// Something a device found wrong by itself.
    async fn alarm(&mut self, device: &DeviceId, told: &DeviceAlarm) -> Result<(), StoreError> {
        let mut alarm = self.alarm_of(device, &told.code, told.severity, told.message.clone());
        (alarm.value, alarm.limit) = (told.value, told.limit);
        if let Some(station) = told.station {
            // A station of another unit is none of this device's business.
            let place = self.group.station_of(station, device).await?;
            (alarm.source.station, alarm.source.experiment) = place.unwrap_or_default();
        }
        if told.cleared {
            return self.group.clear_alarm(&alarm.source, &alarm.code, self.now_us).await;
        }
        self.group.raise_alarm(&alarm).await?;
        Ok(())
    }

    fn alarm_of(&self, device: &DeviceId, code: &str, severity: Severity, message: String) -> NewAlarm {
        NewAlarm {
            source: Source { device: Some(device.clone()), ..Source::default() },
            severity,
            code: code.to_owned(),
            message,
            value: None,
            limit: None,
            at_us: self.now_us,
            is_late: false,
        }
    }

    fn tell(&mut self, event: impl FnOnce() -> Event) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }

    /// Adds a block to those to be stored, or its rows to the run they continue.
    fn push(&mut self, block: NewBlock<'a>, batch: &Arc<Batch>) {
        if block.row_count >= SMALL_ROWS {
            return self.blocks.push(block);
        }
        let finished = match self.runs.entry(block.stream) {
            btree_map::Entry::Vacant(entry) => {
                entry.insert(Run::new(block, Arc::clone(batch)));
                None
            }
            btree_map::Entry::Occupied(mut entry) => match entry.get_mut().extend(block, Arc::clone(batch)) {
                Ok(()) => None,
                Err((block, batch)) => Some(entry.insert(Run::new(block, batch))),
            },
        };
        self.blocks.extend(finished.map(Run::close));
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.blocks.extend(std::mem::take(&mut self.runs).into_values().map(Run::close));
        self.group.insert_blocks(&self.blocks).await?;
        self.blocks.clear();
        Ok(())
    }

    async fn finish(mut self) -> Result<Vec<Event>, StoreError> {
        self.flush().await?;
        self.write_ends().await?;
        // In one order for everybody, so that two servers on one database do not wait for each other crosswise.
        self.seen.sort_unstable();
        self.group.devices_seen(&self.seen, self.now_us).await?;
        self.group.commit().await?;
        Ok(self.events.unwrap_or_default())
    }
}
