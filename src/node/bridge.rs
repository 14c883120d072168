//! The bridge: a client of an external broker that takes what devices publish there.
//!
//! Two tasks, so that neither waits for the other: one polls the connection and does nothing else, one hands messages
//! to the writer and sends what follows from a commit. What lies between them is bounded by the receive maximum.
//!
//! The broker's own acknowledgement tells a device nothing about the database, so every commit is told to the devices
//! it concerns by `down/ack`.
//!
//! Of several servers that share a database the leader is connected to the broker. All have the same client id, so the session,
//! and with it what waits there, goes over to whoever leads next. A leader whose database is away stays connected although its
//! term is over: it watches.

mod connection;
mod options;
mod post;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Publish;
use rumqttc::v5::{AsyncClient, EventLoop};
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::Instant;

use self::connection::{Heard, Turn, poll};
pub use self::options::BadBrokerUrl;
use self::options::options;
pub use self::post::BrokerPost;
use super::admission::{Admission, Held};
use super::guard::Guard;
use super::leader::Epoch;
use super::topics::{self, Down, Published, Up};
use super::welcome;
use super::window::{Verdict, Window};
use crate::clock::Clock;
use crate::domain::ids::DeviceId;
use crate::ingest::intake::{AckInbox, Acks, Committed, Intake, Ticket};

/// Messages between the two tasks, and requests on their way to the broker.
const CHANNEL_MAX: usize = 4_096;
/// Messages taken without looking after anything else in between.
const AT_A_TIME: usize = 32;
/// Messages without acknowledgement (QoS 0) may fill the line to the writer only so far, then they are dropped.
const LINE_MAX: usize = 2_000;
/// Devices whose last `down/ack` is remembered, to be repeated when the connection is new.
const REMEMBERED_MAX: usize = 10_000;
/// Time to acknowledge what the writer still commits when the server stops, and to say goodbye.
/// Together less than the server gives a part to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);
const GOODBYE_GRACE: Duration = Duration::from_millis(500);

/// The bridge to one broker.
pub struct Bridge {
    client: AsyncClient,
    connection: EventLoop,
    intake: Intake,
    clock: Clock,
    epoch: Epoch,
    guard: Guard,
    /// Whether to be connected.
    leads: watch::Receiver<bool>,
    subscribed: watch::Sender<bool>,
}

impl Bridge {
    /// A bridge to `mqtt://user:password@host:port`; user and password, and the port, may be left out.
    ///
    /// `epoch` is the leader's, told to every device.
    ///
    /// # Errors
    /// [`BadBrokerUrl`].
    pub fn new(url: &str, intake: Intake, clock: Clock, epoch: Epoch) -> Result<Self, BadBrokerUrl> {
        let (client, mut connection) = AsyncClient::new(options(url)?, CHANNEL_MAX);
        let mut network = NetworkOptions::new();
        // Acknowledgements must not wait for each other.
        network.set_tcp_nodelay(true);
        connection.options.set_network_options(network);
        let guard = Guard::new(clock.clone(), epoch.clone());
        let subscribed = watch::Sender::new(false);
        Ok(Self {
            client,
            connection,
            intake,
            clock,
            epoch,
            guard,
            leads: watch::Sender::new(true).subscribe(),
            subscribed,
        })
    }

    /// Shows every message to this guard first.
    #[must_use]
    pub fn guarded_by(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Is connected while this is true: [`led_last`](super::leader::Leadership::led_last) of servers that share a database.
    #[must_use]
    pub fn led_by(self, leads: watch::Receiver<bool>) -> Self {
        Self { leads, ..self }
    }

    /// Whether the broker delivers what devices publish; false while there is no connection to it.
    #[must_use]
    pub fn subscribed(&self) -> watch::Receiver<bool> {
        self.subscribed.subscribe()
    }

    /// The way to the devices behind the broker.
    #[must_use]
    pub fn post(&self) -> BrokerPost {
        BrokerPost::new(self.client.clone(), self.subscribed())
    }

    /// Works until `shutdown` is true (or its sender is gone): then what was handed to the writer is acknowledged.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let (heard, incoming) = mpsc::channel(CHANNEL_MAX);
        let turn = Turn::default();
        let mut polling = tokio::spawn(poll(self.connection, Arc::clone(&turn), self.leads, heard, self.subscribed));
        let mut desk = Desk {
            client: self.client,
            turn,
            connection: 0,
            admission: Admission::new(self.intake.clone(), self.guard.clone()),
            guard: self.guard,
            intake: self.intake,
            clock: self.clock,
            epoch: self.epoch,
            inbox: AckInbox::new(),
            window: Window::default(),
            greetings: HashMap::new(),
            told: HashMap::new(),
        };
        desk.work(incoming, &mut shutdown).await;
        // The session, and with it what is not acknowledged, stays at the broker.
        let _ = desk.client.try_disconnect();
        if tokio::time::timeout(GOODBYE_GRACE, &mut polling).await.is_err() {
            polling.abort();
        }
    }
}

/// The task between broker and writer.
struct Desk {
    client: AsyncClient,
    turn: Turn,
    /// The connection that `window` belongs to.
    connection: u64,
    admission: Admission<Bytes>,
    guard: Guard,
    intake: Intake,
    clock: Clock,
    epoch: Epoch,
    /// Of this connection: word about messages of an older one must not reach the window of this one.
    inbox: Arc<AckInbox>,
    window: Window,
    /// Tokens of messages to be answered with a welcome.
    greetings: HashMap<u64, DeviceId>,
    /// The last `down/ack` of each device.
    told: HashMap<DeviceId, Committed>,
}

impl Desk {
    async fn work(&mut self, mut incoming: mpsc::Receiver<Heard>, shutdown: &mut watch::Receiver<bool>) {
        loop {
            let inbox = Arc::clone(&self.inbox);
            tokio::select! {
                Some(heard) = incoming.recv() => {
                    self.hear(heard);
                    for heard in std::iter::from_fn(|| incoming.try_recv().ok()).take(AT_A_TIME) {
                        self.hear(heard);
                    }
                }
                () = inbox.wait() => self.acknowledge(),
                admitted = self.admission.advance() => if admitted.is_err() { break },
                () = told_to_stop(shutdown) => break,
            }
        }
        drop(incoming);
        if let Some(first) = self.admission.abandon() {
            self.window.cut(first);
        }
        let deadline = Instant::now() + STOP_GRACE;
        while !self.window.is_empty() {
            if tokio::time::timeout_at(deadline, self.inbox.wait()).await.is_err() {
                break;
            }
            self.acknowledge();
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Connected(connection) => self.begin(connection),
            Heard::Released => self.forget(),
            Heard::Message(publish) => self.take(&publish),
        }
    }

    /// A new connection: the broker sends again whatever it has no acknowledgement of, with packet ids of its own
    /// choice, so nothing pending may be acknowledged on it.
    fn begin(&mut self, connection: u64) {
        self.connection = connection;
        self.forget();
        let filter = format!("{}+/up/#", topics::ROOT);
        if self.client.try_subscribe(filter, QoS::AtLeastOnce).is_err() {
            tracing::error!("the subscription found no place among the requests");
        }
        // Devices may have missed what was said while the connection was down.
        for (device, committed) in &self.told {
            self.say(device, Down::Ack, post::ack(committed));
        }
    }

    /// Drops what came on the connection before.
    fn forget(&mut self) {
        self.admission = Admission::new(self.intake.clone(), self.guard.clone());
        self.inbox = AckInbox::new();
        self.window = Window::default();
        self.greetings.clear();
    }

    fn take(&mut self, publish: &Publish) {
        let is_acknowledged = publish.qos != QoS::AtMostOnce;
        if !is_acknowledged && self.window.len() >= LINE_MAX {
            tracing::warn!("a message without acknowledgement was dropped: they come faster than they are stored");
            return;
        }
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let token = self.window.push(is_acknowledged.then_some(publish.pkid), publish.payload.len());
        let Some((device, published)) = topics::parse_up(&topic) else {
            // Not from a device, whatever it is: the broker's access list should not have let it through.
            tracing::warn!(topic, "a message that belongs to no device was dropped");
            self.window.settle(token, Verdict::Committed);
            return self.pass_on();
        };
        let ticket = Ticket::new(Arc::clone(&self.inbox), token);
        let ticket = match published {
            Published::Up(Up::Hello) => {
                self.greetings.insert(token, device.clone());
                ticket.with_committed()
            }
            Published::Up(Up::Samples) => ticket.with_committed(),
            _ => ticket,
        };
        self.admission.offer(Held { device, published, topic, payload: publish.payload.clone(), token, ticket });
    }

    /// Passes on the word of commits: to the broker, and to the devices.
    fn acknowledge(&mut self) {
        let Acks { tokens, committed } = self.inbox.take();
        let mut greeted = Vec::new();
        for token in tokens {
            self.window.settle(token, Verdict::Committed);
            greeted.extend(self.greetings.remove(&token));
        }
        self.pass_on();
        for (device, committed) in committed {
            self.say(&device, Down::Ack, post::ack(&committed));
            if greeted.contains(&device) {
                let payload = welcome::payload(&device, self.epoch.get(), self.clock.now_us(), &committed);
                self.say(&device, Down::Welcome, payload);
            }
            if self.told.len() < REMEMBERED_MAX || self.told.contains_key(&device) {
                self.told.insert(device, committed);
            }
        }
    }

    /// Acknowledges to the broker what is settled, as far as it was received on the connection that is up.
    fn pass_on(&mut self) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if *turn != self.connection {
            return;
        }
        while let Some((packet_id, _)) = self.window.pop() {
            let Some(packet_id) = packet_id else { continue };
            let mut publish = Publish::new("", QoS::AtLeastOnce, Bytes::new(), None);
            publish.pkid = packet_id;
            if self.client.try_ack(&publish).is_err() {
                // Not lost: the broker sends the message again on the next connection.
                tracing::error!("an acknowledgement found no place among the requests");
            }
        }
    }

    /// Tells a device something; QoS 0, because all of it is said again.
    fn say(&self, device: &DeviceId, down: Down, payload: Vec<u8>) {
        if self.client.try_publish(down.topic(device), QoS::AtMostOnce, false, payload).is_err() {
            tracing::debug!(%device, "too many requests, the device is told later");
        }
    }
}

/// Waits for the order to stop; its sender being gone is one too.
async fn told_to_stop(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}
