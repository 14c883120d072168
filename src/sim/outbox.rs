//! What a device still has to say: readings stay until the server has them, in the order they were made.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// Most payload bytes a simulated device holds unacknowledged: an hour of a station at 10 rows/s is
/// 4 MB. When it is full the simulated lab stands still instead of losing rows.
pub const UNACKED_BYTES_MAX: usize = 8 * 1024 * 1024;

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

#[derive(Debug, Default)]
struct State {
    messages: BTreeMap<u64, Message>,
    next_id: u64,
    /// Messages from this id on have not been sent since the last rewind.
    unsent: u64,
    bytes: usize,
    closed: bool,
}

/// The messages of one device that are not acknowledged yet, shared by the part that measures and the one that sends.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    changed: Notify,
    room: Notify,
}

impl Outbox {
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
        let mut state = self.lock();
        state.bytes += message.payload.len();
        let id = state.next_id;
        state.next_id += 1;
        state.messages.insert(id, message);
        drop(state);
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
        let rows = |message: &Message| match message.content {
            Content::Rows { first, last, .. } => last - first + 1,
            Content::Word => 0,
        };
        self.lock().messages.values().map(rows).sum()
    }

    /// The next message to send, oldest first, with the number to acknowledge it by.
    #[must_use]
    pub fn next(&self) -> Option<(u64, Message)> {
        let mut state = self.lock();
        let (id, message) = state.messages.range(state.unsent..).next().map(|(id, message)| (*id, message.clone()))?;
        state.unsent = id + 1;
        Some((id, message))
    }

    /// Number of the oldest message that is not acknowledged.
    #[must_use]
    pub fn oldest(&self) -> Option<u64> {
        self.lock().messages.keys().next().copied()
    }

    /// Makes everything unacknowledged due again: after a reconnect nobody knows what arrived.
    pub fn rewind(&self) {
        self.lock().unsent = 0;
    }

    /// Forgets a message that was received for good; `None` when that is known already.
    pub fn acknowledge(&self, id: u64) -> Option<Content> {
        let mut state = self.lock();
        let message = state.messages.remove(&id)?;
        state.bytes -= message.payload.len();
        drop(state);
        self.room.notify_one();
        Some(message.content)
    }

    /// What a message holds, while it is not acknowledged.
    #[must_use]
    pub fn content(&self, id: u64) -> Option<Content> {
        self.lock().messages.get(&id).map(|message| message.content)
    }

    /// Whether any row of `first..=last` of a boot waits for its acknowledgement.
    #[must_use]
    pub fn holds(&self, boot: u32, first: i64, last: i64) -> bool {
        self.lock().messages.values().any(|message| match message.content {
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
        let done = state.messages.extract_if(.., |_, message| within(&message.content));
        let done: Vec<Message> = done.map(|(_, message)| message).collect();
        state.bytes -= done.iter().map(|message| message.payload.len()).sum::<usize>();
        drop(state);
        self.room.notify_one();
        done.into_iter().map(|message| message.content).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(boot: u32, first: i64, last: i64) -> Message {
        let content = Content::Rows { boot, first, last };
        Message { topic: "samples", payload: Bytes::from_static(b"0123456789"), content }
    }

    fn ids(outbox: &Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.next()).map(|(id, _)| id).collect()
    }

    #[test]
    fn a_message_is_sent_once_until_the_connection_breaks_and_then_again() {
        let outbox = Outbox::default();
        (0..3).for_each(|n| outbox.push(rows(1, n, n)));
        assert_eq!(ids(&outbox), [0, 1, 2]);
        assert!(outbox.next().is_none());
        assert!(outbox.acknowledge(1).is_some() && outbox.acknowledge(1).is_none());
        outbox.rewind();
        outbox.push(rows(1, 3, 3));
        assert_eq!(ids(&outbox), [0, 2, 3]);
    }

    #[test]
    fn ranges_acknowledge_only_what_lies_wholly_within_and_of_that_boot() {
        let outbox = Outbox::default();
        [rows(1, 0, 4), rows(1, 5, 9), rows(2, 0, 4), rows(1, 20, 24)].into_iter().for_each(|m| outbox.push(m));
        let word = Message { topic: "state", payload: Bytes::new(), content: Content::Word };
        outbox.push(word);
        let done = outbox.acknowledge_ranges(1, &[(0, 7), (20, 30)]);
        assert_eq!(done, [rows(1, 0, 4).content, rows(1, 20, 24).content]);
        assert_eq!(ids(&outbox), [1, 2, 4]);
        assert_eq!(outbox.unacked_rows(), 10);
    }

    #[tokio::test]
    async fn a_full_outbox_makes_the_maker_wait_for_an_acknowledgement() {
        let outbox = Outbox::default();
        let payload = Bytes::from(vec![0; UNACKED_BYTES_MAX]);
        outbox.push(Message { payload, ..rows(1, 0, 0) });
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), outbox.room()).await;
        assert!(waits.is_err());
        outbox.acknowledge(0);
        outbox.room().await;
    }
}
