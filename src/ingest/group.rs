//! One commit group: jobs become rows of one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::ids::{DeviceId, StreamId};
use crate::domain::sample::{Batch, TimeBase};
use crate::ingest::events::Event;
use crate::ingest::intake::{Job, Message};
use crate::ingest::known::Known;
use crate::ingest::overlap::conflicts;
use crate::ingest::wire;
use crate::series::codec;
use crate::store::blocks::NewBlock;
use crate::store::stations::ReportOutcome;
use crate::store::streams::Latest;
use crate::store::{Group, Store, StoreError};

/// A device's row is touched at most this often by its samples; it is shown to the second.
const SEEN_EVERY_US: i64 = 1_000_000;

/// A group being built.
pub(super) struct Building<'a> {
    group: Group,
    known: &'a mut Known,
    now_us: i64,
    /// Blocks not yet sent to the database.
    blocks: Vec<NewBlock>,
    /// New ends of streams.
    ends: BTreeMap<StreamId, Latest>,
    /// What to tell after the commit, if anybody watches.
    events: Option<Vec<Event>>,
}

/// Stores all jobs in one transaction and returns what happened, or leaves no trace.
pub(super) async fn store_group(
    store: &Store,
    known: &mut Known,
    jobs: &[Job],
    now_us: i64,
    watched: bool,
) -> Result<Vec<Event>, StoreError> {
    let group = store.begin_group().await?;
    let mut building = Building {
        group,
        known,
        now_us,
        blocks: Vec::with_capacity(jobs.len()),
        ends: BTreeMap::new(),
        events: watched.then(Vec::new),
    };
    for job in jobs {
        building.add(&job.device, &job.message).await?;
    }
    building.finish().await
}

impl Building<'_> {
    async fn add(&mut self, device: &DeviceId, message: &Message) -> Result<(), StoreError> {
        if self.known.is_news(device, self.now_us, SEEN_EVERY_US) && !matches!(message, Message::Hello(_)) {
            self.group.device_seen(device, self.now_us).await?;
            self.tell(|| Event::Device(device.clone()));
        }
        match message {
            Message::Samples(batch) => self.samples(device, batch).await,
            Message::Hello(hello) => {
                self.group.device_hello(device, hello, self.now_us).await?;
                // Read now, so that the welcome can say what is stored of this boot.
                self.known.rows(&mut self.group, device, hello.boot).await?;
                self.tell(|| Event::Device(device.clone()));
                Ok(())
            }
            // Every message is a sign of life; this one is nothing else.
            Message::Heartbeat(_) => Ok(()),
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
            Message::Dead(letter) => {
                self.group.dead_letter(device, &letter.topic, &letter.reason, &letter.payload, self.now_us).await?;
                Ok(())
            }
        }
    }

    async fn samples(&mut self, device: &DeviceId, batch: &Batch) -> Result<(), StoreError> {
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
            return self.add_block(device, stream, batch).await;
        }
        let missing = rows.missing(from, to);
        self.set_aside_conflicts(device, stream, batch).await?;
        for (first, last) in missing {
            let row = |seq: i64| usize::try_from(seq - from).unwrap_or(usize::MAX);
            let part = batch.slice(row(first), row(last) + 1);
            self.known.rows(&mut self.group, device, batch.boot).await?.insert(first, last);
            self.add_block(device, stream, &part).await?;
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
            let earlier = block.batch(batch.subject, &names)?;
            let ranges = if block.stream_id == stream.0 {
                conflicts(batch, &earlier)
            } else {
                let first = usize::try_from(earlier.seq - batch.seq).unwrap_or(0);
                let last = usize::try_from(earlier.last_seq() - batch.seq).unwrap_or(0).min(batch.rows() - 1);
                vec![(first, last)]
            };
            for (first, last) in ranges {
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

    async fn add_block(&mut self, device: &DeviceId, stream: StreamId, batch: &Batch) -> Result<(), StoreError> {
        let offset_us = match batch.base {
            TimeBase::Utc => Some(0),
            TimeBase::Tick => self.known.boot_offset_us(&mut self.group, device, batch.boot).await?,
        };
        let column_set_id = self.known.column_set(&mut self.group, &batch.columns).await?;
        let content = codec::encode(&batch.times_us, &batch.columns);
        let lowest = batch.times_us.iter().copied().min().unwrap_or(0);
        let highest = batch.times_us.iter().copied().max().unwrap_or(0);
        let shift = offset_us.unwrap_or(0);
        let block = NewBlock {
            stream,
            boot: batch.boot,
            seq0: batch.seq,
            row_count: batch.rows(),
            at0_us: lowest.saturating_add(shift),
            at1_us: highest.saturating_add(shift),
            dated: offset_us.is_some(),
            tick_offset_us: shift,
            received_at_us: self.now_us,
            column_set_id,
            crc: codec::checksum(&content),
            content,
        };
        self.move_end(stream, &block, batch).await?;
        self.blocks.push(block);
        self.tell(|| Event::Samples { stream, offset_us, rows: Arc::new(batch.clone()) });
        Ok(())
    }

    /// The newest row by time is the end of the stream, whatever order batches arrive in.
    async fn move_end(&mut self, stream: StreamId, block: &NewBlock, batch: &Batch) -> Result<(), StoreError> {
        let row_count = i64::try_from(block.row_count).unwrap_or(i64::MAX);
        let span_us = block.at1_us.saturating_sub(block.at0_us);
        let (first_at_us, at_us) = if block.dated { (block.at0_us, block.at1_us) } else { (self.now_us, self.now_us) };
        let before = match self.ends.remove(&stream) {
            Some(end) => Some(end),
            None => self.known.latest(&mut self.group, stream).await?,
        };
        let newest = || {
            let row = (0..batch.rows()).rev().max_by_key(|row| batch.times_us[*row]).unwrap_or(0);
            let seq = batch.seq + i64::try_from(row).unwrap_or(0);
            let values: serde_json::Map<String, serde_json::Value> =
                batch.columns.iter().map(|column| (column.name.clone(), column.get(row).into())).collect();
            (seq, serde_json::Value::from(values).to_string())
        };
        let end = match before {
            Some(end) if at_us < end.at_us => Latest {
                row_total: end.row_total + row_count,
                first_at_us: end.first_at_us.min(first_at_us),
                span_max_us: end.span_max_us.max(span_us),
                ..end
            },
            before => {
                let (seq, values_json) = newest();
                let (total, first, span) =
                    before.map_or((0, i64::MAX, 0), |end| (end.row_total, end.first_at_us, end.span_max_us));
                Latest {
                    boot: i64::from(block.boot),
                    seq,
                    at_us,
                    received_at_us: self.now_us,
                    values_json,
                    row_total: total + row_count,
                    first_at_us: first.min(first_at_us),
                    span_max_us: span.max(span_us),
                }
            }
        };
        self.ends.insert(stream, end);
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
        self.group.dead_letter(device, &topic, reason, payload, self.now_us).await?;
        Ok(())
    }

    fn tell(&mut self, event: impl FnOnce() -> Event) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.group.insert_blocks(&self.blocks).await?;
        self.blocks.clear();
        Ok(())
    }

    async fn write_ends(&mut self) -> Result<(), StoreError> {
        for (stream, end) in std::mem::take(&mut self.ends) {
            self.group.set_latest(stream, &end).await?;
            self.known.set_latest(stream, end);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Vec<Event>, StoreError> {
        self.flush().await?;
        self.write_ends().await?;
        self.group.commit().await?;
        Ok(self.events.unwrap_or_default())
    }
}
