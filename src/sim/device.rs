//! The measuring half of a simulated device: numbers its rows, notes them in the journal, puts them into its outbox.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::batch;
use super::journal::{Journal, JournalError};
use super::link::{Broker, Contact, Link};
use super::outbox::{Content, Message, Outbox};
use crate::clock::Clock;
use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::domain::sample::Batch;

/// How long a device that was told to stop goes on delivering what it measured: twice the wait before it sends again what
/// nobody acknowledged.
pub const DRAIN_MAX: Duration = Duration::from_secs(60);
/// Commands waiting for a device; the server repeats what is not answered.
const COMMANDS_MAX: usize = 16;

/// Who a device is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// User name and place in the topics.
    pub device: DeviceId,
    /// Password.
    pub secret: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Model name it tells.
    pub model: String,
    /// Serial number it tells.
    pub serial: String,
}

/// What all devices of a run share.
#[derive(Clone)]
pub struct Surroundings {
    /// Where to connect.
    pub broker: Broker,
    /// Where created and acknowledged rows are noted, if anywhere.
    pub journal: Option<Journal>,
    /// The time rows are stamped with.
    pub clock: Clock,
    /// Turns true when the devices shall stop.
    pub shutdown: watch::Receiver<bool>,
}

/// What became of the rows of one or more devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows measured.
    pub created_rows: i64,
    /// Rows that were not acknowledged when the run ended.
    pub unacked_rows: i64,
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.created_rows += other.created_rows;
        self.unacked_rows += other.unacked_rows;
    }
}

/// The way from measuring to sending.
pub(super) struct Feed {
    pub(super) device: DeviceId,
    pub(super) clock: Clock,
    pub(super) shutdown: watch::Receiver<bool>,
    /// Commands of the server, as JSON.
    pub(super) commands: mpsc::Receiver<serde_json::Value>,
    /// The connection, as seen from here.
    pub(super) contact: Arc<Contact>,
    boot: Arc<AtomicU32>,
    seq: i64,
    created_rows: i64,
    outbox: Arc<Outbox>,
    journal: Option<Journal>,
}

impl Feed {
    /// Number of this start of the device.
    pub(super) fn boot(&self) -> u32 {
        self.boot.load(Ordering::Relaxed)
    }

    /// Number the next row will have.
    pub(super) fn seq(&self) -> i64 {
        self.seq
    }

    /// Waits until the outbox has room; false when the device shall stop instead.
    pub(super) async fn has_room(&mut self) -> bool {
        tokio::select! {
            () = self.outbox.room() => !*self.shutdown.borrow(),
            () = wait_for_shutdown(&mut self.shutdown) => false,
        }
    }

    /// Notes new batches in the journal. They must start at [`Feed::seq`] and follow each other.
    pub(super) async fn create(&mut self, batches: &[Batch]) -> Result<(), JournalError> {
        for batch in batches {
            let rows = i64::try_from(batch.rows()).unwrap_or(i64::MAX);
            self.seq += rows;
            self.created_rows += rows;
        }
        match &self.journal {
            Some(journal) if !batches.is_empty() => journal.created(&self.device, batches).await,
            _ => Ok(()),
        }
    }

    /// Puts readings that were [created](Feed::create) into the outbox; more than once does no harm.
    pub(super) fn send(&self, batch: &Batch) {
        let content = Content::Rows { boot: batch.boot, first: batch.seq, last: batch.last_seq() };
        self.outbox.push(Message { topic: "samples", payload: batch::encode(batch).into(), content });
    }

    /// Whether the server has every row of a batch for good.
    pub(super) fn is_acknowledged(&self, batch: &Batch) -> bool {
        !self.outbox.holds(batch.boot, batch.seq, batch.last_seq())
    }

    /// Puts anything else into the outbox, behind the readings made before.
    pub(super) fn say(&self, topic: &'static str, word: &impl Serialize) {
        if let Ok(payload) = serde_json::to_vec(word) {
            self.say_raw(topic, payload.into());
        }
    }

    /// Puts any bytes into the outbox.
    pub(super) fn say_raw(&self, topic: &'static str, payload: Bytes) {
        self.outbox.push(Message { topic, payload, content: Content::Word });
    }

    /// Starts again as after a loss of power: a new boot, rows from 0. What was measured before is not forgotten.
    pub(super) fn reboot(&mut self) {
        self.boot.store(new_boot(), Ordering::Relaxed);
        self.seq = 0;
    }
}

/// A boot no seed knows: the same run repeated must not claim to have measured the rows of the one before.
fn new_boot() -> u32 {
    fastrand::u32(..)
}

/// Completes when the devices shall stop, or nobody is left who could say so.
pub(super) async fn wait_for_shutdown(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a shutdown too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// Runs a device: `measure` makes its readings until it is told to stop, then everything is delivered.
///
/// `seed` decides its pauses; the number of its boot is another one at every start.
pub(super) async fn run<M, F>(
    identity: Identity,
    surroundings: Surroundings,
    seed: u64,
    cut_after: Option<Duration>,
    measure: M,
) -> Summary
where
    M: FnOnce(Feed) -> F,
    F: Future<Output = Result<Feed, JournalError>>,
{
    let Surroundings { broker, journal, clock, shutdown } = surroundings;
    let device = identity.device.clone();
    let boot = Arc::new(AtomicU32::new(new_boot()));
    let outbox = Arc::new(Outbox::default());
    let contact = Arc::new(Contact::new());
    let (commands, commands_of_server) = mpsc::channel(COMMANDS_MAX);
    let link = Link {
        identity,
        broker,
        boot: Arc::clone(&boot),
        outbox: Arc::clone(&outbox),
        journal: journal.clone(),
        contact: Arc::clone(&contact),
        commands,
        random: fastrand::Rng::with_seed(seed),
        cut_after,
        started: Instant::now(),
        acknowledged: 0,
    };
    let mut link = tokio::spawn(link.run());
    let feed = Feed {
        device: device.clone(),
        clock,
        shutdown,
        commands: commands_of_server,
        contact,
        boot,
        seq: 0,
        created_rows: 0,
        outbox: Arc::clone(&outbox),
        journal,
    };
    let created_rows = match measure(feed).await {
        Ok(feed) => feed.created_rows,
        Err(error) => {
            tracing::error!(%device, %error, "the device stops measuring");
            0
        }
    };
    outbox.close();
    if tokio::time::timeout(DRAIN_MAX, &mut link).await.is_err() {
        link.abort();
        tracing::warn!(%device, rows = outbox.unacked_rows(), "stopped with readings nobody acknowledged");
    }
    Summary { created_rows, unacked_rows: outbox.unacked_rows() }
}
