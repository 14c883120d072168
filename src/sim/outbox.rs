//! What a device still has to say: readings stay until the server has them.
//!
//! **The newest first.** While all is well, messages leave in the order they were made. After an outage what is older than
//! [`FRESH`] is back-fill: fresh messages go first, so that everybody sees at once how things are, and the rest of the
//! connection carries the back-fill, from its new end mostly and from its old end too. Words, such as a station's state,
//! are few and their order matters: old ones go before everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::mischief::Mischief;

/// Most payload bytes a simulated device holds unacknowledged: an hour of a station at 10 rows/s is
/// 4 MB. When it is full the simulated lab stands still instead of losing rows.
pub const UNACKED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Messages older than this are back-fill. Longer than any batch waits, shorter than anybody looks at a value that stands.
pub const FRESH: Duration = Duration::from_secs(2);
/// While fresh messages wait, one of so many that are sent is back-fill: it must go on even on a full connection.
const BACKFILL_SHARE: u64 = 4;
/// One of so many back-fill messages is the oldest and not the newest: a device with little memory must free that first.
const OLDEST_SHARE: u64 = 4;
/// How long a window of [`Mischief::shuffle`] may wait to be full.
const SHUFFLE_WAIT: Duration = Duration::from_secs(3);
/// Messages kept for [`Mischief::replay`], by chance from the whole run so far: 1.5 MB.
const REPLAY_MAX: usize = 500;

/// What a message holds, as far as acknowledgement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Rows `first..=last` of a boot.
    Rows {
        /// The boot.
        boot: u32,
        /// First row.
        first: i64,
        /// Last row.
        last: i64,
    },
    /// Anything else, such as a station's state.
    Word,
}

/// A message to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Last part of the topic, such as `samples`.
    pub topic: &'static str,
    /// The payload.
    pub payload: Bytes,
    /// What it holds.
    pub content: Content,
}

#[derive(Debug)]
struct Held {
    message: Message,
    made: Instant,
}

#[derive(Debug, Default)]
struct State {
    messages: BTreeMap<u64, Held>,
    next_id: u64,
    /// Messages that have not been sent since the last rewind, words apart from readings.
    words: BTreeSet<u64>,
    readings: BTreeSet<u64>,
    /// Messages before this one are back-fill.
    fresh_from: u64,
    /// Messages sent so far, and of those back-fill.
    sent: u64,
    backfilled: u64,
    bytes: usize,
    closed: bool,
    pranks: Option<Pranks>,
}

/// Sends readings twice, out of order and long after their time.
#[derive(Debug)]
struct Pranks {
    mischief: Mischief,
    random: fastrand::Rng,
    /// Readings sent before, and how many there were in all.
    past: Vec<Bytes>,
    seen: usize,
}

/// The messages of one device that are not acknowledged yet, shared by the part that measures and the one that sends.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    changed: Notify,
    room: Notify,
}

impl State {
    fn push(&mut self, message: Message) {
        self.bytes += message.payload.len();
        let id = self.next_id;
        self.next_id += 1;
        match message.content {
            Content::Word => self.words.insert(id),
            Content::Rows { .. } => self.readings.insert(id),
        };
        self.messages.insert(id, Held { message, made: Instant::now() });
    }

    fn remove(&mut self, id: u64) -> Option<Message> {
        let held = self.messages.remove(&id)?;
        self.words.remove(&id);
        self.readings.remove(&id);
        self.bytes -= held.message.payload.len();
        Some(held.message)
    }

    /// The message to send next.
    fn choose(&mut self) -> Option<u64> {
        while let Some((id, held)) = self.messages.range(self.fresh_from..).next() {
            if held.made.elapsed() <= FRESH {
                break;
            }
            self.fresh_from = id + 1;
        }
        let word = self.words.first().copied();
        if let Some(word) = word.filter(|word| *word < self.fresh_from) {
            return Some(word);
        }
        let fresh = self.readings.range(self.fresh_from..).next().copied().into_iter().chain(word).min();
        let backfill = if self.backfilled.is_multiple_of(OLDEST_SHARE) {
            self.readings.range(..self.fresh_from).next()
        } else {
            self.readings.range(..self.fresh_from).next_back()
        };
        match (fresh, backfill) {
            (Some(fresh), Some(_)) if !self.sent.is_multiple_of(BACKFILL_SHARE) => Some(fresh),
            (_, Some(backfill)) => {
                self.backfilled += 1;
                Some(*backfill)
            }
            (fresh, None) => fresh,
        }
    }

    /// The message to send next when order is left to chance; `None` also while the window fills.
    fn choose_shuffled(&mut self) -> Option<u64> {
        let pranks = self.pranks.as_mut()?;
        if let Some(word) = self.words.first() {
            return Some(*word);
        }
        let first = self.messages.get(self.readings.first()?)?;
        let waits = !self.closed && first.made.elapsed() < SHUFFLE_WAIT;
        if waits && self.readings.len() < pranks.mischief.shuffle {
            return None;
        }
        let window = self.readings.len().min(pranks.mischief.shuffle);
        self.readings.iter().nth(pranks.random.usize(..window)).copied()
    }

    /// What else is sent because of a message of readings that is sent now.
    fn prank(&mut self, payload: &Bytes) {
        let Some(pranks) = self.pranks.as_mut() else { return };
        let mut again = Vec::new();
        if pranks.random.f64() < pranks.mischief.twice {
            again.push(payload.clone());
        }
        if pranks.mischief.replay > 0.0 {
            pranks.seen += 1;
            if pranks.past.len() < REPLAY_MAX {
                pranks.past.push(payload.clone());
            } else if let Some(place) = pranks.past.get_mut(pranks.random.usize(..pranks.seen)) {
                *place = payload.clone();
            }
            if pranks.random.f64() < pranks.mischief.replay {
                again.extend(pranks.random.choice(&pranks.past).cloned());
            }
        }
        for payload in again {
            self.push(Message { topic: "samples", payload, content: Content::Word });
        }
    }
}

impl Outbox {
    /// An outbox that plays the pranks of `mischief` when it sends.
    #[must_use]
    pub fn new(mischief: Mischief, seed: u64) -> Self {
        let plays = mischief.twice > 0.0 || mischief.replay > 0.0 || mischief.shuffle > 1;
        let random = fastrand::Rng::with_seed(seed);
        let pranks = plays.then_some(Pranks { mischief, random, past: Vec::new(), seen: 0 });
        Self { state: Mutex::new(State { pranks, ..State::default() }), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for more readings.
    pub async fn room(&self) {
        while self.lock().bytes >= UNACKED_BYTES_MAX {
            self.room.notified().await;
        }
    }

    /// Adds a message at the end. Words are few and always taken; ask for [`Outbox::room`] before readings.
    pub fn push(&self, message: Message) {
        self.lock().push(message);
        self.changed.notify_one();
    }

    /// Says that nothing more will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits for a push or for the end.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether everything is acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().messages.is_empty()
    }

    /// Rows in it that are not acknowledged.
    #[must_use]
    pub fn unacked_rows(&self) -> i64 {
        let rows = |held: &Held| match held.message.content {
            Content::Rows { first, last, .. } => last - first + 1,
            Content::Word => 0,
        };
        self.lock().messages.values().map(rows).sum()
    }

    /// The next message to send, with the number to acknowledge it by.
    #[must_use]
    pub fn next(&self) -> Option<(u64, Message)> {
        let mut state = self.lock();
        let is_shuffled = state.pranks.as_ref().is_some_and(|pranks| pranks.mischief.shuffle > 1);
        let id = if is_shuffled { state.choose_shuffled()? } else { state.choose()? };
        state.words.remove(&id);
        state.readings.remove(&id);
        state.sent += 1;
        let message = state.messages.get(&id)?.message.clone();
        if matches!(message.content, Content::Rows { .. }) {
            state.prank(&message.payload);
        }
        Some((id, message))
    }

    /// Messages that were sent since the last rewind and are not acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let state = self.lock();
        state.messages.len() - state.words.len() - state.readings.len()
    }

    /// Number of the oldest message that was sent and is not acknowledged.
    #[must_use]
    pub fn oldest_sent(&self) -> Option<u64> {
        let state = self.lock();
        state.messages.keys().find(|id| !state.words.contains(id) && !state.readings.contains(id)).copied()
    }

    /// Makes everything unacknowledged due again: after a reconnect nobody knows what arrived.
    pub fn rewind(&self) {
        let mut state = self.lock();
        let State { messages, words, readings, .. } = &mut *state;
        for (id, held) in messages {
            match held.message.content {
                Content::Word => words.insert(*id),
                Content::Rows { .. } => readings.insert(*id),
            };
        }
    }

    /// Forgets a message that was received for good; `None` when that is known already.
    pub fn acknowledge(&self, id: u64) -> Option<Content> {
        let message = self.lock().remove(id)?;
        self.room.notify_one();
        Some(message.content)
    }

    /// What a message holds, while it is not acknowledged.
    #[must_use]
    pub fn content(&self, id: u64) -> Option<Content> {
        self.lock().messages.get(&id).map(|held| held.message.content)
    }

    /// Whether any row of `first..=last` of a boot waits for its acknowledgement.
    #[must_use]
    pub fn holds(&self, boot: u32, first: i64, last: i64) -> bool {
        self.lock().messages.values().any(|held| match held.message.content {
            Content::Rows { boot: of, first: from, last: to } => of == boot && from <= last && first <= to,
            Content::Word => false,
        })
    }

    /// Forgets the readings of a boot that lie wholly within one of the ranges (ends included) and returns what they held.
    pub fn acknowledge_ranges(&self, boot: u32, ranges: &[(i64, i64)]) -> Vec<Content> {
        let mut state = self.lock();
        let within = |content: &Content| match *content {
            Content::Rows { boot: of, first, last } => {
                of == boot && ranges.iter().any(|(from, to)| *from <= first && last <= *to)
            }
            Content::Word => false,
        };
        let within = |(id, held): (&u64, &Held)| within(&held.message.content).then_some(*id);
        let done: Vec<u64> = state.messages.iter().filter_map(within).collect();
        let done = done.into_iter().filter_map(|id| state.remove(id)).map(|message| message.content).collect();
        drop(state);
        self.room.notify_one();
        done
    }
}

#[cfg(test)]
mod tests;
