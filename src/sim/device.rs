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
use super::mischief::{ClockFault, Mischief, wait};
use super::outbox::{Content, Message, Outbox};
use crate::clock::Clock;
use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::domain::message::ClockMark;
use crate::domain::sample::{Batch, TimeBase};

/// How long a device that was told to stop goes on delivering what it measured: twice the wait before it sends again what
/// nobody acknowledged.
pub const DRAIN_MAX: Duration = Duration::from_secs(60);
/// When a device that begins without a clock gets one, after each start.
const LATE_CLOCK: Duration = Duration::from_secs(3);
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
    /// What goes wrong on purpose.
    pub mischief: Mischief,
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
    /// Connections made in all; more than there are devices means that some were lost.
    pub connections: u64,
    /// The longest that a device had to wait for its first welcome, ms.
    pub welcomed_after_ms: u64,
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.created_rows += other.created_rows;
        self.unacked_rows += other.unacked_rows;
        self.connections += other.connections;
        self.welcomed_after_ms = self.welcomed_after_ms.max(other.welcomed_after_ms);
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
    faults: Faults,
}

/// What goes wrong in the measuring half.
struct Faults {
    clock: ClockFault,
    seed: u64,
    /// When this boot began, on both clocks.
    boot_us: i64,
    boot_at: Instant,
    /// Whether the boot was dated.
    dated: bool,
    reboot_every: Option<Duration>,
    reboot_after: Option<Duration>,
    random: fastrand::Rng,
}

impl Faults {
    fn new(device: &DeviceId, mischief: &Mischief, seed: u64, now_us: i64) -> Self {
        // The faults of mixed clocks are dealt out by the number that ends the id.
        let number: String = device.as_str().chars().rev().take_while(char::is_ascii_digit).collect();
        let number = number.chars().rev().collect::<String>().parse().unwrap_or(0);
        let mut random = fastrand::Rng::with_seed(seed);
        Self {
            clock: mischief.clock.of_device(number),
            seed,
            boot_us: now_us,
            boot_at: Instant::now(),
            dated: false,
            reboot_every: mischief.reboot_every,
            reboot_after: mischief.reboot_every.map(|mean| wait(&mut random, mean)),
            random,
        }
    }
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
        self.go_wrong();
        tokio::select! {
            () = self.outbox.room() => !*self.shutdown.borrow(),
            () = wait_for_shutdown(&mut self.shutdown) => false,
        }
    }

    /// Restarts, or learns the time, when that is due.
    fn go_wrong(&mut self) {
        let uptime = self.faults.boot_at.elapsed();
        if self.faults.clock == ClockFault::Late && !self.faults.dated && uptime >= LATE_CLOCK {
            self.faults.dated = true;
            let at_us = self.clock.now_us();
            self.say("clock", &ClockMark { boot: self.boot(), tick_us: at_us - self.faults.boot_us, at_us });
        }
        if self.faults.reboot_after.is_some_and(|after| uptime >= after) {
            self.reboot();
        }
    }

    /// The batch with the times that this device's clock shows, for [`Feed::create`] and [`Feed::send`].
    #[must_use]
    pub(super) fn stamped(&self, mut batch: Batch) -> Batch {
        let Faults { clock, seed, boot_us, .. } = self.faults;
        if clock == ClockFault::Right {
            return batch;
        }
        for at_us in &mut batch.times_us {
            *at_us = clock.shows(*at_us, boot_us, seed);
        }
        if clock.ticks() {
            batch.base = TimeBase::Tick;
        }
        batch
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
        let faults = &mut self.faults;
        (faults.boot_us, faults.boot_at, faults.dated) = (self.clock.now_us(), Instant::now(), false);
        faults.reboot_after = faults.reboot_every.map(|mean| wait(&mut faults.random, mean));
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
    let Surroundings { broker, journal, clock, mischief, shutdown } = surroundings;
    let device = identity.device.clone();
    let boot = Arc::new(AtomicU32::new(new_boot()));
    let outbox = Arc::new(Outbox::new(mischief, seed));
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
        silence: mischief.silence,
        started: Instant::now(),
        acknowledged: 0,
    };
    let mut link = tokio::spawn(link.run());
    let seen = Arc::clone(&contact);
    let feed = Feed {
        device: device.clone(),
        faults: Faults::new(&device, &mischief, seed, clock.now_us()),
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
    let (connections, welcomed_after_ms) = seen.history();
    Summary { created_rows, unacked_rows: outbox.unacked_rows(), connections, welcomed_after_ms }
}
