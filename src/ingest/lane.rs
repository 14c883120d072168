//! A lane of the writer: takes everything queued, commits it, then says so.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::domain::ids::DeviceId;
use crate::ingest::events::Events;
use crate::ingest::group::store_group;
use crate::ingest::health::LaneReporter;
use crate::ingest::intake::{DeadLetter, Job, Message, acknowledge};
use crate::ingest::known::Known;
use crate::ingest::wire;
use crate::store::{Store, StoreError};

/// Most messages of one commit. Groups grow with the backlog, so that a slow disk costs latency and not throughput.
pub(super) const GROUP_JOBS_MAX: usize = 8_192;
/// Most payload bytes of one commit: bounds memory, and how long readers wait for SQLite's lock.
pub(super) const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Pauses between attempts while the database is away.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// One lane of the writer: takes jobs of its devices in groups, one transaction each, and acknowledges them in order.
#[derive(Debug)]
pub(super) struct Lane {
    store: Store,
    jobs: mpsc::Receiver<Job>,
    events: Events,
    clock: Clock,
    known: Known,
    /// Who leads, and in which epoch what is known was read.
    epoch: Arc<AtomicI64>,
    known_in: i64,
    stop: watch::Receiver<bool>,
    health: LaneReporter,
}

impl Lane {
    /// A lane that takes from `jobs` until the other end is dropped; `stop` only cuts short the waiting for a database
    /// that is away.
    pub(super) fn new(
        store: Store,
        jobs: mpsc::Receiver<Job>,
        events: Events,
        clock: Clock,
        epoch: Arc<AtomicI64>,
        stop: watch::Receiver<bool>,
        health: LaneReporter,
    ) -> Self {
        let known_in = epoch.load(Ordering::Relaxed);
        Self { store, jobs, events, clock, known: Known::default(), epoch, known_in, stop, health }
    }

    /// Works until its queue is closed and empty.
    pub(super) async fn run(mut self) {
        while self.try_one_group().await {}
    }

    /// Waits for a message, takes what else is queued, and stores all of it. `false` when nothing will come any more.
    async fn try_one_group(&mut self) -> bool {
        let Some(first) = self.jobs.recv().await else { return false };
        let mut bytes = first.room.bytes();
        let mut jobs = vec![first];
        while jobs.len() < GROUP_JOBS_MAX && bytes < GROUP_BYTES_MAX {
            let Ok(job) = self.jobs.try_recv() else { break };
            bytes += job.room.bytes();
            jobs.push(job);
        }
        self.store_all(jobs).await
    }

    /// Stores the jobs, however long the database takes to come back. `false` when the server stops meanwhile.
    async fn store_all(&mut self, jobs: Vec<Job>) -> bool {
        let mut waiting = vec![jobs];
        let mut pause = RETRY_FIRST;
        while let Some(mut jobs) = waiting.pop() {
            let now_us = self.clock.now_us();
            self.health.begins(now_us, jobs.len());
            self.forget_what_others_may_have_changed(&jobs);
            let stored = store_group(&self.store, &mut self.known, &jobs, now_us, self.events.are_watched()).await;
            let error = match stored {
                Ok(events) => {
                    pause = RETRY_FIRST;
                    self.health.stored(now_us);
                    self.acknowledge(jobs);
                    events.into_iter().for_each(|event| self.events.send(event));
                    self.known.bound();
                    continue;
                }
                Err(error) => error,
            };
            // What the writer believes to be stored may not be: read it again.
            self.known = Known::default();
            let is_letter = matches!(jobs.as_slice(), [Job { message, .. }] if is_dead(message));
            if error.may_pass() || error.is_duplicate() || is_letter {
                let words = chain(&error);
                tracing::warn!(error = words, messages = jobs.len(), "not stored, trying again");
                self.health.failed(&error, &words);
                waiting.push(jobs);
                if !self.pause(pause).await {
                    return false;
                }
                pause = (pause * 2).min(RETRY_MAX);
                continue;
            }
            self.health.refused();
            if jobs.len() > 1 {
                // One of them poisons the group: halve until it stands alone.
                let later = jobs.split_off(jobs.len() / 2);
                waiting.push(later);
                waiting.push(jobs);
            } else if let Some(job) = jobs.pop() {
                waiting.push(vec![refused(job, &error)]);
            }
        }
        true
    }

    /// Between two groups: behind a broker another server led meanwhile, a device was connected to another one.
    fn forget_what_others_may_have_changed(&mut self, jobs: &[Job]) {
        let epoch = self.epoch.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.known_in, epoch) != epoch {
            self.known.forget_rows();
        }
        let hellos = jobs.iter().filter(|job| matches!(job.message, Message::Hello(_)));
        let greeted: HashSet<&DeviceId> = hellos.map(|job| &job.device).collect();
        if !greeted.is_empty() {
            self.known.forget_rows_of(&greeted);
        }
    }

    /// Waits between attempts; `false` when the server stops.
    async fn pause(&mut self, pause: Duration) -> bool {
        if *self.stop.borrow() {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            changed = self.stop.changed() => changed.is_ok() && !*self.stop.borrow(),
        }
    }

    fn acknowledge(&self, jobs: Vec<Job>) {
        let tickets = jobs.into_iter().map(|job| {
            let boot = boot_of(&job.message).map(|boot| (job.device, boot));
            (job.ticket, boot)
        });
        acknowledge(tickets.collect(), |device: &DeviceId, boot| self.known.committed(device, boot));
    }
}

/// Whether a message was set aside already, so that it cannot be at fault itself.
fn is_dead(message: &Message) -> bool {
    match message {
        Message::Again(_, message) => is_dead(message),
        message => matches!(message, Message::Dead(_)),
    }
}

/// The boot a message belongs to.
fn boot_of(message: &Message) -> Option<u32> {
    match message {
        Message::Samples(packed) => Some(packed.batch().boot),
        Message::Hello(hello) => Some(hello.boot),
        Message::Heartbeat(heartbeat) => Some(heartbeat.boot),
        Message::Clock(mark) => Some(mark.boot),
        Message::Station(_)
        | Message::Devices(_)
        | Message::Reply(_)
        | Message::Alarm(_)
        | Message::Again(..)
        | Message::Dead(_) => None,
    }
}

/// A message the database will never take becomes a dead letter.
fn refused(job: Job, error: &StoreError) -> Job {
    let reason = format!("the database refused it: {}", chain(error));
    tracing::error!(device = %job.device, reason, "message set aside");
    let (what, payload) = match &job.message {
        Message::Samples(packed) => ("samples", wire::samples_json(packed.batch())),
        Message::Hello(hello) => ("hello", serde_json::to_vec(hello).unwrap_or_default()),
        Message::Heartbeat(heartbeat) => ("heartbeat", serde_json::to_vec(heartbeat).unwrap_or_default()),
        Message::Station(report) => ("state", serde_json::to_vec(report).unwrap_or_default()),
        Message::Clock(mark) => ("clock", serde_json::to_vec(mark).unwrap_or_default()),
        Message::Devices(found) => ("devices", serde_json::to_vec(found).unwrap_or_default()),
        Message::Reply(reply) => ("reply", serde_json::to_vec(reply).unwrap_or_default()),
        Message::Alarm(alarm) => ("alarm", serde_json::to_vec(alarm).unwrap_or_default()),
        Message::Again(letter, _) => {
            let dead = Message::Dead(DeadLetter { topic: String::new(), payload: Vec::new(), reason });
            return Job { message: Message::Again(*letter, Box::new(dead)), ..job };
        }
        Message::Dead(letter) => ("", letter.payload.clone()),
    };
    let topic = format!("cellar/v1/{}/up/{what}", job.device);
    Job { message: Message::Dead(DeadLetter { topic, payload, reason }), ..job }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
