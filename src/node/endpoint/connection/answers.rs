//! What a connection does with the packets of its device, and what it tells the device.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::Version;
use mqtt_protocol_core::mqtt::packet::Qos;
use mqtt_protocol_core::mqtt::result_code::DisconnectReasonCode;

use super::{CONNECT_TIMEOUT, Connection, Session, Stream};
use crate::ingest::intake::{PAYLOAD_BYTES_MAX, Ticket};
use crate::node::admission::Held;
use crate::node::endpoint::packets::{self, Connect, Heard, Publish};
use crate::node::endpoint::registry::Letter;
use crate::node::gate::{Admitted, Refusal};
use crate::node::topics::{self, Down, Published, Up};
use crate::node::welcome;
use crate::node::window::Verdict;

impl<S: Stream> Connection<S> {
    pub(super) async fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Connect(connect) => self.connect(&connect).await,
            Heard::Publish(publish) => self.publish(publish),
            Heard::Subscribe { packet_id, wanted } => self.subscribe(packet_id, wanted),
            Heard::Unsubscribe { packet_id, filters } => self.unsubscribe(packet_id, &filters),
            Heard::DealtWith => {}
            // Nobody is there any more to send to.
            Heard::Disconnect => {
                self.out.clear();
                self.begin_closing();
            }
            Heard::Unexpected => self.close(DisconnectReasonCode::ProtocolError),
        }
    }

    async fn connect(&mut self, connect: &Connect) {
        let (user_name, password) = (connect.user_name.as_deref(), connect.password.as_deref());
        let login = self.context.gate.login(user_name, password, self.peer.ip());
        let login = tokio::time::timeout(CONNECT_TIMEOUT, login).await;
        match login.unwrap_or(Err(Refusal::Unavailable)) {
            Ok(Admitted { device, revision }) => {
                tracing::debug!(peer = %self.peer, %device, "device connected");
                self.send(packets::connected(self.version(), connect, device.as_str()));
                self.session = Some(Session::new(self.context.registry.enter(device, revision)));
            }
            Err(refusal) => {
                tracing::info!(peer = %self.peer, user_name = connect.user_name, %refusal, "log-in refused");
                self.send(packets::not_connected(self.version(), refusal));
                self.begin_closing();
            }
        }
    }

    fn publish(&mut self, publish: Publish) {
        let Some(session) = &self.session else {
            return self.close(DisconnectReasonCode::ProtocolError);
        };
        let device = session.presence.device().clone();
        let bytes = publish.payload.as_ref().len();
        if publish.qos == Qos::ExactlyOnce {
            return self.close(DisconnectReasonCode::QosNotSupported);
        }
        if publish.retain && self.version() == Version::V5_0 {
            return self.close(DisconnectReasonCode::RetainNotSupported);
        }
        if bytes > PAYLOAD_BYTES_MAX {
            return self.close(DisconnectReasonCode::PacketTooLarge);
        }
        let published = topics::published(&device, &publish.topic);
        if published == Published::Forbidden {
            tracing::warn!(%device, topic = publish.topic, "published where the device may not");
            if self.version() == Version::V3_1_1 {
                return self.begin_closing();
            }
            let token = self.window.push(publish.packet_id, 0);
            self.window.settle(token, Verdict::Forbidden);
            return self.acknowledge();
        }
        let token = self.window.push(publish.packet_id, bytes);
        let ticket = Ticket::new(Arc::clone(&self.inbox), token);
        let is_hello = published == Published::Up(Up::Hello);
        let ticket = if is_hello { ticket.with_committed() } else { ticket };
        self.admission.offer(Held { device, published, topic: publish.topic, payload: publish.payload, token, ticket });
    }

    /// Passes on the word of commits.
    pub(super) fn acknowledge(&mut self) {
        let acks = self.inbox.take();
        for token in acks.tokens {
            self.window.settle(token, Verdict::Committed);
        }
        while let Some((packet_id, verdict)) = self.window.pop() {
            if let Some(packet_id) = packet_id {
                self.send(packets::puback(self.version(), packet_id, verdict));
            }
        }
        for (_, committed) in acks.committed {
            if let Some(session) = &mut self.session {
                session.unsent_welcome = Some(committed);
            }
        }
        self.welcome();
    }

    /// Answers a hello, once the device listens.
    fn welcome(&mut self) {
        let Some(session) = &mut self.session else { return };
        let device = session.presence.device().clone();
        let topic = Down::Welcome.topic(&device);
        if session.granted(&topic).is_none() {
            return;
        }
        if let Some(committed) = session.unsent_welcome.take() {
            let now_us = self.context.clock.now_us();
            let payload = welcome::payload(&device, self.context.epoch.get(), now_us, &committed);
            self.send_down(Letter { topic, payload });
        }
    }

    fn subscribe(&mut self, packet_id: u16, wanted: Vec<(String, Qos)>) {
        let Some(session) = &mut self.session else {
            return self.close(DisconnectReasonCode::ProtocolError);
        };
        let granted: Vec<_> = wanted.into_iter().map(|(filter, qos)| session.subscribe(filter, qos)).collect();
        self.send(packets::suback(self.version(), packet_id, &granted));
        self.welcome();
    }

    fn unsubscribe(&mut self, packet_id: u16, filters: &[String]) {
        let Some(session) = &mut self.session else {
            return self.close(DisconnectReasonCode::ProtocolError);
        };
        let existed: Vec<_> = filters.iter().map(|filter| session.unsubscribe(filter)).collect();
        self.send(packets::unsuback(self.version(), packet_id, &existed));
    }

    /// Sends a message to the device if it has subscribed to it, at the quality it asked for.
    pub(super) fn send_down(&mut self, letter: Letter) {
        let at_once = self.wants_letters();
        let Some(session) = &mut self.session else { return };
        let Some(granted) = session.granted(&letter.topic) else {
            tracing::debug!(device = %session.presence.device(), topic = letter.topic, "nobody has subscribed to it");
            return;
        };
        let mut packet_id = None;
        if granted == Qos::AtLeastOnce && at_once {
            packet_id = self.core.acquire_packet_id().ok();
            session.in_flight += usize::from(packet_id.is_some());
        }
        self.send(packets::publish(self.version(), &letter.topic, letter.payload, packet_id));
    }
}
