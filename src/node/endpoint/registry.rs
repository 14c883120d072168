//! Who is connected, and how to reach them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

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
    lines: Arc<Mutex<HashMap<DeviceId, Line>>>,
}

#[derive(Debug)]
struct Line {
    mailbox: mpsc::Sender<Letter>,
    /// Dropped with the line: this is how a connection learns that a newer one took its place.
    _held: oneshot::Sender<Infallible>,
}

impl Registry {
    /// Hands a message to the connection of a device. It is dropped there when the device has not subscribed to it.
    ///
    /// # Errors
    /// [`NotSent`] when nobody could take it; the sender repeats what matters.
    pub fn send(&self, device: &DeviceId, letter: Letter) -> Result<(), NotSent> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.get(device).ok_or(NotSent::Away)?;
        line.mailbox.try_send(letter).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotSent::Busy,
            mpsc::error::TrySendError::Closed(_) => NotSent::Away,
        })
    }

    /// The devices connected now.
    #[must_use]
    pub fn connected(&self) -> Vec<DeviceId> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Enters a connection; one the device had before is told to go.
    pub(super) fn enter(&self, device: DeviceId) -> Presence {
        let (mailbox, letters) = mpsc::channel(MAILBOX_MAX);
        let (held, replaced) = oneshot::channel();
        let line = Line { mailbox: mailbox.clone(), _held: held };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(device.clone(), line);
        Presence { registry: self.clone(), device, mailbox, letters, replaced }
    }
}

/// A connection's entry in the registry, taken out when dropped.
#[derive(Debug)]
pub(super) struct Presence {
    registry: Registry,
    device: DeviceId,
    mailbox: mpsc::Sender<Letter>,
    letters: mpsc::Receiver<Letter>,
    replaced: oneshot::Receiver<Infallible>,
}

/// What reaches a connection through the registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// A message for its device.
    Letter(Letter),
    /// A newer connection of the device took its place.
    Replaced,
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
            _ = &mut self.replaced => Notice::Replaced,
            // This connection holds a sender itself, so the mailbox never ends.
            Some(letter) = self.letters.recv(), if wants_letters => Notice::Letter(letter),
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut lines = self.registry.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(entry) = lines.entry(self.device.clone())
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
        let mut old = registry.enter(device.clone());
        let mut new = registry.enter(device.clone());
        assert_eq!(old.notice(false).await, Notice::Replaced);
        drop(old);
        registry.send(&device, letter("1")).unwrap();
        assert_eq!(new.notice(true).await, Notice::Letter(letter("1")));
        drop(new);
        assert_eq!(registry.send(&device, letter("2")), Err(NotSent::Away));
        assert!(registry.connected().is_empty());
    }

    #[tokio::test]
    async fn a_mailbox_is_bounded() {
        let registry = Registry::default();
        let device: DeviceId = "cu-1".parse().unwrap();
        let _presence = registry.enter(device.clone());
        for _ in 0..MAILBOX_MAX {
            registry.send(&device, letter("x")).unwrap();
        }
        assert_eq!(registry.send(&device, letter("x")), Err(NotSent::Busy));
    }
}
