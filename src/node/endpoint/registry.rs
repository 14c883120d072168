//! Who is connected, and how to reach them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::domain::ids::DeviceId;

/// Most messages waiting to be sent to one device; a unit is told a handful of commands at a time.
const MAILBOX_MAX: usize = 64;

/// A message to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Full topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
}

/// Why a message was not taken for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// It is not connected.
    #[error("the device is not connected")]
    Away,
    /// It reads too slowly.
    #[error("the device has not taken the {MAILBOX_MAX} messages before this one")]
    Busy,
}

/// The connected devices. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    board: Arc<Mutex<Board>>,
}

#[derive(Debug, Default)]
struct Board {
    lines: HashMap<DeviceId, Line>,
    /// The newest revision of each device's registration, as far as it was heard of.
    revisions: HashMap<DeviceId, i64>,
}

#[derive(Debug)]
struct Line {
    mailbox: mpsc::Sender<Letter>,
    /// The revision of its registration that the device logged in under.
    revision: i64,
    /// Tells a connection that its device was shut out. Dropped with the line, it tells that a newer one took its place.
    held: oneshot::Sender<()>,
}

impl Registry {
    /// Hands a message to the connection of a device. It is dropped there when the device has not subscribed to it.
    ///
    /// # Errors
    /// [`NotSent`] when nobody could take it; the sender repeats what matters.
    pub fn send(&self, device: &DeviceId, letter: Letter) -> Result<(), NotSent> {
        let board = self.board();
        let line = board.lines.get(device).ok_or(NotSent::Away)?;
        line.mailbox.try_send(letter).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotSent::Busy,
            mpsc::error::TrySendError::Closed(_) => NotSent::Away,
        })
    }

    /// The devices connected now.
    #[must_use]
    pub fn connected(&self) -> Vec<DeviceId> {
        self.board().lines.keys().cloned().collect()
    }

    /// Enters a connection; one the device had before is told to go. `revision` is that of the device's registration
    /// when its log-in was checked: if a newer one is known by now, the connection is told to go itself.
    pub(super) fn enter(&self, device: DeviceId, revision: i64) -> Presence {
        let (mailbox, letters) = mpsc::channel(MAILBOX_MAX);
        let (held, told_to_go) = oneshot::channel();
        let line = Line { mailbox: mailbox.clone(), revision, held };
        let mut board = self.board();
        board.lines.insert(device.clone(), line);
        board.shut_out_if_older(&device);
        drop(board);
        Presence { registry: self.clone(), device, mailbox, letters, told_to_go }
    }

    /// Takes note that registrations changed, each with its new revision: connections older than that are told to go.
    pub(super) fn revise(&self, changes: &[(DeviceId, i64)]) {
        let mut board = self.board();
        for (device, revision) in changes {
            board.revisions.insert(device.clone(), *revision);
            board.shut_out_if_older(device);
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn shut_out_if_older(&mut self, device: &DeviceId) {
        let newest = self.revisions.get(device).copied().unwrap_or(i64::MIN);
        if self.lines.get(device).is_some_and(|line| line.revision < newest)
            && let Some(line) = self.lines.remove(device)
        {
            // A connection that is gone already need not be told.
            let _ = line.held.send(());
        }
    }
}

/// A connection's entry in the registry, taken out when dropped.
#[derive(Debug)]
pub(super) struct Presence {
    registry: Registry,
    device: DeviceId,
    mailbox: mpsc::Sender<Letter>,
    letters: mpsc::Receiver<Letter>,
    told_to_go: oneshot::Receiver<()>,
}

/// What reaches a connection through the registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A message for its device.
    Letter(Letter),
    /// A newer connection of the device took its place.
    Replaced,
    /// The registration it logged in under does not count any more.
    ShutOut,
}

impl Presence {
    /// The device that is connected.
    pub(super) fn device(&self) -> &DeviceId {
        &self.device
    }

    /// Waits for a notice; for letters only if they are wanted now. Cancel safe.
    pub(super) async fn notice(&mut self, wants_letters: bool) -> Notice {
        tokio::select! {
            biased;
            word = &mut self.told_to_go => if word.is_ok() { Notice::ShutOut } else { Notice::Replaced },
            // This connection holds a sender itself, so the mailbox never ends.
            Some(letter) = self.letters.recv(), if wants_letters => Notice::Letter(letter),
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut board = self.registry.board();
        if let Entry::Occupied(entry) = board.lines.entry(self.device.clone())
            && entry.get().mailbox.same_channel(&self.mailbox)
        {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> Letter {
        Letter { topic: "t".into(), payload: text.into() }
    }

    #[tokio::test]
    async fn the_newest_connection_of_a_device_gets_its_letters() {
        let registry = Registry::default();
        let device: DeviceId = "cu-1".parse().unwrap();
        assert_eq!(registry.send(&device, letter("0")), Err(NotSent::Away));
        let mut old = registry.enter(device.clone(), 0);
        let mut new = registry.enter(device.clone(), 0);
        assert_eq!(old.notice(false).await, Notice::Replaced);
        drop(old);
        registry.send(&device, letter("1")).unwrap();
        assert_eq!(new.notice(true).await, Notice::Letter(letter("1")));
        drop(new);
        assert_eq!(registry.send(&device, letter("2")), Err(NotSent::Away));
        assert!(registry.connected().is_empty());
    }

    #[tokio::test]
    async fn a_changed_registration_ends_the_connections_made_before_it_and_no_other() {
        let registry = Registry::default();
        let (one, two): (DeviceId, DeviceId) = ("cu-1".parse().unwrap(), "cu-2".parse().unwrap());
        let mut old = registry.enter(one.clone(), 3);
        let mut other = registry.enter(two.clone(), 4);
        registry.revise(&[(one.clone(), 7), (two.clone(), 4)]);
        assert_eq!(old.notice(true).await, Notice::ShutOut);
        assert_eq!(registry.send(&one, letter("1")), Err(NotSent::Away));
        // A log-in that was checked before the change, entered after it.
        let mut late = registry.enter(one.clone(), 6);
        assert_eq!(late.notice(true).await, Notice::ShutOut);
        let mut new = registry.enter(one.clone(), 7);
        drop((old, late));
        registry.send(&one, letter("2")).unwrap();
        registry.send(&two, letter("3")).unwrap();
        assert_eq!(new.notice(true).await, Notice::Letter(letter("2")));
        assert_eq!(other.notice(true).await, Notice::Letter(letter("3")));
    }

    #[tokio::test]
    async fn a_mailbox_is_bounded() {
        let registry = Registry::default();
        let device: DeviceId = "cu-1".parse().unwrap();
        let _presence = registry.enter(device.clone(), 0);
        for _ in 0..MAILBOX_MAX {
            registry.send(&device, letter("x")).unwrap();
        }
        assert_eq!(registry.send(&device, letter("x")), Err(NotSent::Busy));
    }
}
