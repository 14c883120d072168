//! The bounded queue between the connections that receive messages and the one writer that commits them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::domain::ids::DeviceId;
use crate::domain::message::{ClockMark, DeviceAlarm, FoundInstruments, Heartbeat, Hello, Reply, StationReport};
use crate::domain::sample::Batch;
use crate::ingest::packed::Packed;

/// Most messages waiting for the writer: one full commit group (`GROUP_JOBS_MAX`) while the one before is being committed.
pub const QUEUE_JOBS_MAX: usize = 8_192;
/// Most payload bytes between receipt and commit; a quarter of this is a second of peak load.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Largest payload of one message.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// A decoded message, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `up/samples`, ready to be stored: see [`Message::samples`].
    Samples(Packed),
    /// `up/hello`.
    Hello(Hello),
    /// `up/heartbeat`.
    Heartbeat(Heartbeat),
    /// `up/state`.
    Station(StationReport),
    /// `up/clock`.
    Clock(ClockMark),
    /// `up/devices`.
    Devices(FoundInstruments),
    /// `up/reply`.
    Reply(Reply),
    /// `up/alarm`.
    Alarm(DeviceAlarm),
    /// A dead letter with this number, read again: it is either stored now, or stays dead with a new reason.
    Again(i64, Box<Message>),
    /// A message that cannot be used; kept with everything needed to try again.
    Dead(DeadLetter),
}

impl Message {
    /// A batch of samples. Packs it here, on the caller's core, so that the one writer only stores.
    #[must_use]
    pub fn samples(batch: Batch) -> Self {
        Self::Samples(Packed::new(batch))
    }
}

/// A message nobody could read, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Full topic, lossy if it was not UTF-8.
    pub topic: String,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
    /// What is wrong with it, and where.
    pub reason: String,
}

/// One message on its way to the database.
#[derive(Debug)]
pub struct Job {
    /// Who sent it, proven by log-in.
    pub device: DeviceId,
    /// What it says.
    pub message: Message,
    /// Where to say that it is committed.
    pub ticket: Ticket,
    /// Its share of [`QUEUE_BYTES_MAX`], given back after the commit.
    pub room: Room,
}

/// The promise to tell a connection that one of its messages is committed.
#[derive(Debug)]
pub struct Ticket {
    inbox: Arc<AckInbox>,
    token: u64,
    wants_committed: bool,
}

impl Ticket {
    /// A ticket whose `token` will appear in `inbox` after the commit.
    #[must_use]
    pub fn new(inbox: Arc<AckInbox>, token: u64) -> Self {
        Self { inbox, token, wants_committed: false }
    }

    /// Also asks what is then committed of the message's boot: for `down/welcome`, and for a bridge's `down/ack`.
    #[must_use]
    pub fn with_committed(self) -> Self {
        Self { wants_committed: true, ..self }
    }
}

/// Rows of one boot of one device that are committed: the content of `down/ack`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Committed {
    /// The boot.
    pub boot: u32,
    /// Every row up to and including this one; -1 when row 0 is missing.
    pub upto: i64,
    /// Further ranges, both ends included, ascending; the newest ones when there are many.
    pub also: Vec<(i64, i64)>,
}

/// What a connection learns after a commit.
#[derive(Debug, Default)]
pub struct Acks {
    /// Tokens of its messages that are now committed.
    pub tokens: Vec<u64>,
    /// What is committed of the boots of the messages whose ticket asked for it; each boot once per commit.
    pub committed: Vec<(DeviceId, Committed)>,
}

/// Where the writer leaves word for one connection: once per commit, however many messages it held.
#[derive(Debug, Default)]
pub struct AckInbox {
    acks: Mutex<Acks>,
    notify: Notify,
}

impl AckInbox {
    /// An empty inbox.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Waits until there is word. Cancel safe: what is not taken stays.
    pub async fn wait(&self) {
        self.notify.notified().await;
    }

    /// Takes everything left so far; may be empty.
    #[must_use]
    pub fn take(&self) -> Acks {
        std::mem::take(&mut *self.acks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn leave(&self, tokens: Vec<u64>, committed: Vec<(DeviceId, Committed)>) {
        let mut acks = self.acks.lock().unwrap_or_else(PoisonError::into_inner);
        acks.tokens.extend(tokens);
        acks.committed.extend(committed);
        drop(acks);
        self.notify.notify_one();
    }
}

/// Sends the word of one commit: every inbox is woken once.
///
/// Each ticket comes with the device and boot its message belongs to, if any; `committed` says what is stored of those.
pub(crate) fn acknowledge(
    tickets: Vec<(Ticket, Option<(DeviceId, u32)>)>,
    mut committed: impl FnMut(&DeviceId, u32) -> Committed,
) {
    type Word = (Arc<AckInbox>, Vec<u64>, Vec<(DeviceId, u32)>);
    let mut words: Vec<Word> = Vec::new();
    for (ticket, boot) in tickets {
        // A group holds long runs of messages of few connections: the one met last is the likeliest.
        let index = match words.iter().rposition(|(inbox, ..)| Arc::ptr_eq(inbox, &ticket.inbox)) {
            Some(index) => index,
            None => {
                words.push((ticket.inbox, Vec::new(), Vec::new()));
                words.len() - 1
            }
        };
        let (_, tokens, boots) = &mut words[index];
        tokens.push(ticket.token);
        if let Some(boot) = boot.filter(|boot| ticket.wants_committed && !boots.contains(boot)) {
            boots.push(boot);
        }
    }
    for (inbox, tokens, boots) in words {
        let committed = boots.into_iter().map(|(device, boot)| {
            let rows = committed(&device, boot);
            (device, rows)
        });
        inbox.leave(tokens, committed.collect());
    }
}

/// The bytes a message occupies between receipt and commit.
#[derive(Debug)]
pub struct Room {
    permit: OwnedSemaphorePermit,
}

impl Room {
    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.permit.num_permits()
    }
}

/// The writer is gone: the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping, nothing more is taken")]
pub struct Closed;

/// The way in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    jobs: mpsc::Sender<Job>,
    bytes: Arc<Semaphore>,
}

impl Intake {
    /// The queue, and the end the writer reads.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Job>) {
        let (jobs, receiver) = mpsc::channel(QUEUE_JOBS_MAX);
        (Self { jobs, bytes: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)) }, receiver)
    }

    /// Room for a message of `bytes`, at once or not at all.
    #[must_use]
    pub fn try_room(&self, bytes: usize) -> Option<Room> {
        let share = u32::try_from(bytes.clamp(1, QUEUE_BYTES_MAX)).ok()?;
        let permit = Arc::clone(&self.bytes).try_acquire_many_owned(share).ok()?;
        Some(Room { permit })
    }

    /// Waits for room for a message of `bytes`. Dropping the future gives the place in the line up.
    ///
    /// # Errors
    /// [`Closed`] when the server is stopping.
    pub async fn room(&self, bytes: usize) -> Result<Room, Closed> {
        let share = u32::try_from(bytes.clamp(1, QUEUE_BYTES_MAX)).map_err(|_| Closed)?;
        let permit = Arc::clone(&self.bytes).acquire_many_owned(share).await.map_err(|_| Closed)?;
        Ok(Room { permit })
    }

    /// Hands a message to the writer if its queue has a place; otherwise gives it back.
    ///
    /// # Errors
    /// The job, when the queue is full or closed ([`Intake::is_closed`] tells which).
    pub fn try_submit(&self, job: Job) -> Result<(), Box<Job>> {
        self.jobs.try_send(job).map_err(|error| Box::new(error.into_inner()))
    }

    /// Hands a message to the writer, waiting for a place in its queue.
    ///
    /// # Errors
    /// [`Closed`] when the server is stopping; the message was not taken.
    pub async fn submit(&self, job: Job) -> Result<(), Closed> {
        self.jobs.send(job).await.map_err(|_| Closed)
    }

    /// Whether the writer is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.jobs.is_closed()
    }
}
