//! The way to devices behind a broker.

use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use tokio::sync::watch;

use crate::domain::ids::DeviceId;
use crate::ingest::intake::Committed;
use crate::node::sender::Post;
use crate::node::topics::Down;

/// Publishes commands to the broker.
#[derive(Clone)]
pub struct BrokerPost {
    client: AsyncClient,
    subscribed: watch::Receiver<bool>,
}

impl BrokerPost {
    pub(super) fn new(client: AsyncClient, subscribed: watch::Receiver<bool>) -> Self {
        Self { client, subscribed }
    }
}

impl Post for BrokerPost {
    /// QoS 0, because it is said again until it is answered; whether the device is there only the broker knows.
    fn send(&self, device: &DeviceId, payload: Vec<u8>) -> bool {
        *self.subscribed.borrow()
            && self.client.try_publish(Down::Command.topic(device), QoS::AtMostOnce, false, payload).is_ok()
    }

    fn reaches_all(&self) -> bool {
        true
    }
}

/// The payload of `down/ack`.
pub(super) fn ack(committed: &Committed) -> Vec<u8> {
    // Numbers only: writing them cannot fail.
    serde_json::to_vec(committed).unwrap_or_default()
}
