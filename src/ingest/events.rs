//! What was just committed, for whoever watches: the live pages.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::domain::ids::{DeviceId, StationId, StreamId};
use crate::domain::sample::Batch;

/// Events a watcher may be behind before it must read the database again: a few seconds of a busy lab.
const EVENTS_MAX: usize = 1_024;

/// Something that is now in the database.
#[derive(Debug, Clone)]
pub enum Event {
    /// Rows were added to a stream.
    Samples {
        /// The stream.
        stream: StreamId,
        /// What to add to the times of the rows to get UTC, µs; `None` while nobody knows.
        offset_us: Option<i64>,
        /// The rows, as they were sent.
        rows: Arc<Batch>,
    },
    /// A station reported a change.
    Station(StationId),
    /// A device connected or gave a sign of life.
    Device(DeviceId),
}

/// The way to everybody who watches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(EVENTS_MAX) }
    }
}

impl Events {
    /// Starts to watch. A watcher that falls behind is told how much it missed.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// Whether anybody watches.
    #[must_use]
    pub fn are_watched(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// Tells everybody who watches.
    pub fn send(&self, event: Event) {
        // Nobody watching is no error.
        let _ = self.sender.send(event);
    }
}
