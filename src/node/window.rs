//! What a connection received and did not acknowledge yet, in the order it came.
//!
//! MQTT wants acknowledgements in the order of the messages (MQTT-4.6.0-2), whatever the order of the commits: a
//! settled message waits here for those before it.

use std::collections::VecDeque;

/// Most messages of one connection between receipt and acknowledgement; then its socket is not read.
pub(super) const MESSAGES_MAX: usize = 2_000;
/// Most payload bytes of them.
pub(super) const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the device is told of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is committed, and may be forgotten.
    Committed,
    /// It was published where the device may not publish.
    Forbidden,
}

#[derive(Debug)]
struct Pending {
    /// `None` for QoS 0: counted, never acknowledged.
    packet_id: Option<u16>,
    bytes: usize,
    verdict: Option<Verdict>,
}

/// The messages between receipt and acknowledgement.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Token of the first of `pending`; tokens count up by one.
    first: u64,
    pending: VecDeque<Pending>,
    bytes: usize,
}

impl Window {
    /// Takes a message in and gives it a token.
    pub(super) fn push(&mut self, packet_id: Option<u16>, bytes: usize) -> u64 {
        self.bytes += bytes;
        self.pending.push_back(Pending { packet_id, bytes, verdict: None });
        self.first + self.pending.len() as u64 - 1
    }

    /// Notes what became of a message. A token that is not pending any more is ignored.
    pub(super) fn settle(&mut self, token: u64, verdict: Verdict) {
        let place = token.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(pending) = place.and_then(|place| self.pending.get_mut(place)) {
            pending.verdict = Some(verdict);
        }
    }

    /// Takes out the next message to acknowledge: the oldest one, once it is settled.
    pub(super) fn pop(&mut self) -> Option<(Option<u16>, Verdict)> {
        let verdict = self.pending.front()?.verdict?;
        let pending = self.pending.pop_front()?;
        self.first += 1;
        self.bytes -= pending.bytes;
        Some((pending.packet_id, verdict))
    }

    /// Gives up a message and all after it: they will not be acknowledged.
    pub(super) fn cut(&mut self, token: u64) {
        let kept = token.checked_sub(self.first).and_then(|kept| usize::try_from(kept).ok()).unwrap_or(0);
        self.pending.truncate(kept);
        self.bytes = self.pending.iter().map(|pending| pending.bytes).sum();
    }

    /// Whether the connection must not receive more for now.
    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= MESSAGES_MAX || self.bytes >= BYTES_MAX
    }

    /// Messages between receipt and acknowledgement.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether nothing waits for an acknowledgement.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn popped(window: &mut Window) -> Vec<Option<u16>> {
        std::iter::from_fn(|| window.pop()).map(|(packet_id, _)| packet_id).collect()
    }

    #[test]
    fn acknowledgements_leave_in_the_order_of_receipt() {
        let mut window = Window::default();
        let tokens: Vec<_> = [Some(7), Some(3), None, Some(3)].map(|packet_id| window.push(packet_id, 10)).into();
        window.settle(tokens[1], Verdict::Committed);
        window.settle(tokens[3], Verdict::Forbidden);
        assert_eq!(popped(&mut window), []);
        window.settle(tokens[0], Verdict::Committed);
        assert_eq!(popped(&mut window), [Some(7), Some(3)]);
        window.settle(tokens[0], Verdict::Committed);
        window.settle(tokens[2], Verdict::Committed);
        assert_eq!(window.pop(), Some((None, Verdict::Committed)));
        assert_eq!(window.pop(), Some((Some(3), Verdict::Forbidden)));
        assert!(window.is_empty() && window.bytes == 0);
    }

    #[test]
    fn the_window_is_full_by_messages_and_by_bytes() {
        let mut window = Window::default();
        let tokens: Vec<_> = (0..MESSAGES_MAX).map(|_| window.push(None, 1)).collect();
        assert!(window.is_full());
        window.settle(tokens[0], Verdict::Committed);
        assert!(window.pop().is_some() && !window.is_full());
        window.push(None, BYTES_MAX);
        assert!(window.is_full());
    }

    #[test]
    fn what_is_cut_off_is_never_acknowledged() {
        let mut window = Window::default();
        let tokens: Vec<_> = (1..=4).map(|packet_id| window.push(Some(packet_id), 10)).collect();
        window.settle(tokens[0], Verdict::Committed);
        assert_eq!(popped(&mut window), [Some(1)]);
        window.cut(tokens[2]);
        window.settle(tokens[3], Verdict::Committed);
        window.settle(tokens[1], Verdict::Committed);
        assert_eq!(popped(&mut window), [Some(2)]);
        assert!(window.is_empty());
    }
}
