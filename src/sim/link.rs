//! The connection of a simulated device: MQTT 5 over TCP, over and over until everything is delivered.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{PubAck, PubAckReason, Publish};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, Incoming, MqttOptions};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::device::Identity;
use super::journal::{Journal, JournalError};
use super::outbox::{Content, Outbox};
use crate::domain::message::{Heartbeat, Hello};

/// Most messages sent and not yet acknowledged: enough to fill the commits of a fast server, small beside its queue.
const IN_FLIGHT_MAX: usize = 200;
/// Room in the client's queue beside those: subscription, hello, heartbeat.
const CONTROL_MAX: usize = 16;
/// Largest message taken from the server.
const INCOMING_BYTES_MAX: u32 = 256 * 1024;
/// How often a unit says that it is alive.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(5);
/// How long to wait for the welcome before sending readings regardless.
const WELCOME_WAIT: Duration = Duration::from_secs(5);
/// How often time-outs are looked at; also the delay before a delivered device signs off.
const PULSE: Duration = Duration::from_millis(100);
/// When the oldest message was not acknowledged for so long although others may have been, everything is sent again: a
/// broker that ran full dropped it. Shorter in tests, which would otherwise wait for it.
const RESEND_WAIT: Duration = Duration::from_millis(if cfg!(test) { 500 } else { 30_000 });
/// First pause before reconnecting; doubled until something is acknowledged, by chance between half and all of it.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// Longest pause before reconnecting: a server that is back is full again within it.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Keep-alive of the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which acknowledgement lets a device forget a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckMode {
    /// PUBACK: the server's own endpoint sends it after the commit.
    Puback,
    /// `down/ack`: a broker in between sends PUBACK long before the commit.
    EndToEnd,
}

/// Where and how to connect.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Which acknowledgement counts.
    pub ack: AckMode,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("{0}")]
    Connection(#[from] Box<ConnectionError>),
    #[error("the client's queue is full or closed")]
    Queue,
    #[error("{0}")]
    Journal(#[from] JournalError),
    #[error("it was cut on purpose")]
    OnPurpose,
}

/// `down/welcome`, as far as a device needs it.
#[derive(Debug, Deserialize)]
struct Welcome {
    upto: Option<UpTo>,
}

#[derive(Debug, Deserialize)]
struct UpTo {
    boot: u32,
    seq: i64,
}

/// `down/ack`.
#[derive(Debug, Deserialize)]
struct DownAck {
    boot: u32,
    upto: i64,
    #[serde(default)]
    also: Vec<(i64, i64)>,
}

/// Messages on their way: the client tells packet ids only when it sends, in the order they were handed over.
#[derive(Debug, Default)]
struct Flight {
    unsent: VecDeque<Option<u64>>,
    sent: HashMap<u16, Option<u64>>,
}

impl Flight {
    fn len(&self) -> usize {
        self.unsent.len() + self.sent.len()
    }

    fn got_packet_id(&mut self, packet_id: u16) {
        if let Some(id) = self.unsent.pop_front() {
            self.sent.insert(packet_id, id);
        }
    }
}

/// The sending half of a device.
pub(super) struct Link {
    pub(super) identity: Identity,
    pub(super) broker: Broker,
    pub(super) boot: Arc<AtomicU32>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) journal: Option<Journal>,
    /// Commands of the server go here; none are taken while it is full, the server repeats them.
    pub(super) commands: mpsc::Sender<serde_json::Value>,
    pub(super) random: fastrand::Rng,
    /// Cut the connection by chance, on average after so long.
    pub(super) cut_after: Option<Duration>,
    pub(super) started: Instant,
    /// Messages acknowledged so far.
    pub(super) acknowledged: u64,
}

/// One connection from CONNECT to its end.
struct Session<'a> {
    link: &'a mut Link,
    client: AsyncClient,
    flight: Flight,
    began: Instant,
    connected: Option<Instant>,
    greeted: bool,
    /// The boot the server was told of.
    boot: u32,
    heartbeat: Instant,
    /// The oldest message waiting, and since when it is the oldest.
    oldest: (Option<u64>, Instant),
    /// Whether the server refused a reading.
    refused: bool,
    cut: Option<Instant>,
}

impl Link {
    /// Keeps the device connected until its outbox is closed and empty.
    pub(super) async fn run(mut self) {
        let mut pause = BACKOFF_FIRST;
        loop {
            let before = self.acknowledged;
            match self.connect_once().await {
                Ok(()) => return,
                Err(Lost::Journal(error)) => {
                    tracing::error!(device = %self.identity.device, %error, "the device stops");
                    return;
                }
                Err(lost) => tracing::info!(device = %self.identity.device, %lost, "connection lost"),
            }
            pause = if self.acknowledged > before { BACKOFF_FIRST } else { (2 * pause).min(BACKOFF_MAX) };
            tokio::time::sleep(pause.mul_f64(0.5 + 0.5 * self.random.f64())).await;
        }
    }

    async fn connect_once(&mut self) -> Result<(), Lost> {
        let identity = &self.identity;
        let mut options = MqttOptions::new(identity.device.as_str(), self.broker.host.as_str(), self.broker.port);
        options.set_credentials(identity.device.as_str(), identity.secret.as_str());
        options.set_keep_alive(KEEP_ALIVE).set_max_packet_size(Some(INCOMING_BYTES_MAX));
        options.set_outgoing_inflight_upper_limit(u16::try_from(IN_FLIGHT_MAX + CONTROL_MAX).unwrap_or(u16::MAX));
        let mut network = NetworkOptions::new();
        // Without it every small message waits 40 ms for the acknowledgement of the one before.
        network.set_tcp_nodelay(true);
        options.set_network_options(network);

        let (client, events) = AsyncClient::new(options, IN_FLIGHT_MAX + CONTROL_MAX);
        let now = Instant::now();
        let cut = self.cut_after.map(|mean| now + mean.mul_f64(2.0 * self.random.f64()));
        let flight = Flight::default();
        let session = Session {
            link: self,
            client,
            flight,
            began: now,
            connected: None,
            greeted: false,
            boot: 0,
            heartbeat: now,
            oldest: (None, now),
            refused: false,
            cut,
        };
        session.run(events).await
    }
}

impl Session<'_> {
    async fn run(mut self, mut events: EventLoop) -> Result<(), Lost> {
        self.link.outbox.rewind();
        let mut pulse = tokio::time::interval(PULSE);
        loop {
            let event = {
                // One poll is driven to its end: dropped half-way it could lose a message it took from the queue.
                let poll = events.poll();
                tokio::pin!(poll);
                loop {
                    tokio::select! {
                        event = &mut poll => break event.map_err(Box::new)?,
                        () = self.link.outbox.changed() => self.send_waiting()?,
                        _ = pulse.tick() => if self.is_over()? {
                            // Best effort: the server notices a closed socket as well.
                            let _ = self.client.try_disconnect();
                            let _ = tokio::time::timeout(PULSE, &mut poll).await;
                            return Ok(());
                        }
                    }
                }
            };
            match event {
                Event::Incoming(Incoming::ConnAck(_)) => self.greet()?,
                Event::Incoming(Incoming::PubAck(ack)) => self.on_puback(&ack).await?,
                Event::Incoming(Incoming::Publish(message)) => self.on_message(&message).await?,
                Event::Outgoing(rumqttc::Outgoing::Publish(packet_id)) => self.flight.got_packet_id(packet_id),
                _ => {}
            }
            self.send_waiting()?;
        }
    }

    fn greet(&mut self) -> Result<(), Lost> {
        self.connected = Some(Instant::now());
        self.boot = self.link.boot.load(Ordering::Relaxed);
        let identity = &self.link.identity;
        let down = format!("cellar/v1/{}/down/#", identity.device);
        self.client.try_subscribe(down, QoS::AtLeastOnce).map_err(|_| Lost::Queue)?;
        let hello = Hello {
            boot: self.boot,
            kind: identity.kind,
            model: identity.model.clone(),
            firmware: env!("CARGO_PKG_VERSION").to_owned(),
            serial: identity.serial.clone(),
        };
        self.say("hello", &hello)
    }

    /// Sends a message that is not worth repeating.
    fn say(&mut self, topic: &str, word: &impl Serialize) -> Result<(), Lost> {
        let payload = serde_json::to_vec(word).map_err(|_| Lost::Queue)?;
        self.publish(topic, payload.into(), None)
    }

    fn publish(&mut self, topic: &str, payload: bytes::Bytes, id: Option<u64>) -> Result<(), Lost> {
        let topic = format!("cellar/v1/{}/up/{topic}", self.link.identity.device);
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).map_err(|_| Lost::Queue)?;
        self.flight.unsent.push_back(id);
        Ok(())
    }

    fn send_waiting(&mut self) -> Result<(), Lost> {
        while self.greeted && self.flight.len() < IN_FLIGHT_MAX {
            let Some((id, message)) = self.link.outbox.next() else { break };
            self.publish(message.topic, message.payload, Some(id))?;
        }
        Ok(())
    }

    /// Looks at every time-out; whether everything is delivered and nothing more will come.
    fn is_over(&mut self) -> Result<bool, Lost> {
        let now = Instant::now();
        if self.cut.is_some_and(|cut| now >= cut) {
            return Err(Lost::OnPurpose);
        }
        let Some(connected) = self.connected else { return Ok(false) };
        if !self.greeted && now - connected >= WELCOME_WAIT {
            tracing::info!(device = %self.link.identity.device, "no welcome, going on without");
            self.greeted = true;
        }
        if self.boot != self.link.boot.load(Ordering::Relaxed) {
            return Err(Lost::OnPurpose);
        }
        if now >= self.heartbeat {
            self.heartbeat = now + HEARTBEAT_PERIOD;
            let boot = self.boot;
            let uptime_s = (now - self.link.started).as_millis() as f64 / 1000.0;
            // Also while the window is full of readings: those who wait for them must know that the device lives.
            if self.flight.len() < IN_FLIGHT_MAX + CONTROL_MAX / 2 {
                self.say("heartbeat", &Heartbeat { boot, uptime_s })?;
            }
        }
        let outbox = &self.link.outbox;
        let oldest = outbox.oldest();
        if oldest != self.oldest.0 {
            self.oldest = (oldest, now);
        } else if now - self.oldest.1 >= RESEND_WAIT && (self.refused || self.link.broker.ack == AckMode::EndToEnd) {
            // PUBACK needs no such care: without it the message is still in flight.
            self.oldest.1 = now;
            self.refused = false;
            outbox.rewind();
        }
        self.send_waiting()?;
        Ok(self.link.outbox.is_closed() && self.link.outbox.is_empty())
    }

    async fn on_puback(&mut self, ack: &PubAck) -> Result<(), Lost> {
        let Some(Some(id)) = self.flight.sent.remove(&ack.pkid) else { return Ok(()) };
        let outbox = &self.link.outbox;
        let is_reading = matches!(outbox.content(id), Some(Content::Rows { .. }));
        if ack.reason != PubAckReason::Success {
            tracing::warn!(device = %self.link.identity.device, reason = ?ack.reason, "a message was refused");
            if is_reading {
                // Kept: it is sent again after a while.
                self.refused = true;
                return Ok(());
            }
        }
        if is_reading && self.link.broker.ack == AckMode::EndToEnd {
            return Ok(());
        }
        let done = Vec::from_iter(outbox.acknowledge(id));
        self.note(&done).await
    }

    async fn on_message(&mut self, message: &Publish) -> Result<(), Lost> {
        let topic = String::from_utf8_lossy(&message.topic);
        let what = topic.rsplit('/').next().unwrap_or_default();
        let unreadable = match what {
            "welcome" => match serde_json::from_slice::<Welcome>(&message.payload) {
                Ok(welcome) => {
                    tracing::debug!(device = %self.link.identity.device, after = ?self.began.elapsed(), "welcome");
                    self.greeted = true;
                    if let Some(UpTo { boot, seq }) = welcome.upto {
                        self.committed(boot, &[(0, seq)]).await?;
                    }
                    None
                }
                Err(error) => Some(error),
            },
            "ack" => match serde_json::from_slice::<DownAck>(&message.payload) {
                Ok(DownAck { boot, upto, mut also }) => {
                    also.push((0, upto));
                    self.committed(boot, &also).await?;
                    None
                }
                Err(error) => Some(error),
            },
            "command" => match serde_json::from_slice(&message.payload) {
                Ok(command) => {
                    if self.link.commands.try_send(command).is_err() {
                        tracing::warn!(device = %self.link.identity.device, "a command was left to be repeated");
                    }
                    None
                }
                Err(error) => Some(error),
            },
            _ => None,
        };
        if let Some(error) = unreadable {
            tracing::warn!(device = %self.link.identity.device, %topic, %error, "cannot read a message of the server");
        }
        Ok(())
    }

    /// The server has these rows for good.
    async fn committed(&mut self, boot: u32, ranges: &[(i64, i64)]) -> Result<(), Lost> {
        let done = self.link.outbox.acknowledge_ranges(boot, ranges);
        self.note(&done).await
    }

    async fn note(&mut self, done: &[Content]) -> Result<(), Lost> {
        self.link.acknowledged += done.len() as u64;
        let Some(journal) = &self.link.journal else { return Ok(()) };
        for content in done {
            if let Content::Rows { boot, first, last } = *content {
                journal.acked(&self.link.identity.device, boot, first, last).await?;
            }
        }
        Ok(())
    }
}
