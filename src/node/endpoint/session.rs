//! What a connection is after its log-in: a device, and what it listens to.

use mqtt_protocol_core::mqtt::packet::Qos;

use super::registry::{Notice, Presence};
use crate::ingest::intake::Committed;
use crate::node::topics;

/// Most subscriptions of one connection; the protocol has four topics.
const SUBSCRIPTIONS_MAX: usize = 16;

/// What the connection is after its log-in.
pub(super) struct Session {
    pub(super) presence: Presence,
    subscriptions: Vec<(String, Qos)>,
    /// The answer to a hello, while the device has not subscribed to it.
    pub(super) unsent_welcome: Option<Committed>,
    /// Messages to the device that it has not acknowledged.
    pub(super) in_flight: usize,
}

impl Session {
    /// A session without subscriptions.
    pub(super) fn new(presence: Presence) -> Self {
        Self { presence, subscriptions: Vec::new(), unsent_welcome: None, in_flight: 0 }
    }

    /// The quality at which a topic is subscribed to.
    pub(super) fn granted(&self, topic: &str) -> Option<Qos> {
        let covering = self.subscriptions.iter().filter(|(filter, _)| topics::covers(filter, topic));
        covering.map(|(_, qos)| *qos).max_by_key(|qos| *qos as u8)
    }

    /// Adds or replaces a subscription; `None` when the device may not have it.
    pub(super) fn subscribe(&mut self, filter: String, qos: Qos) -> Option<Qos> {
        let granted = if qos == Qos::AtMostOnce { Qos::AtMostOnce } else { Qos::AtLeastOnce };
        if !topics::may_subscribe(self.presence.device(), &filter) {
            return None;
        }
        self.unsubscribe(&filter);
        if self.subscriptions.len() == SUBSCRIPTIONS_MAX {
            return None;
        }
        self.subscriptions.push((filter, granted));
        Some(granted)
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|(known, _)| known != filter);
        self.subscriptions.len() < before
    }
}

/// Waits for a notice to the session; for ever when nobody is logged in.
pub(super) async fn notice(session: Option<&mut Session>, wants_letters: bool) -> Notice {
    match session {
        Some(session) => session.presence.notice(wants_letters).await,
        None => std::future::pending().await,
    }
}
