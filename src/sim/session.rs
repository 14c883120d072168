//! One connection of a simulated device, from CONNECT to its end.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{PubAck, PubAckReason, Publish};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, Incoming};
use serde::{Deserialize, Serialize};

use super::journal::JournalError;
use super::link::{AckMode, Link};
use super::outbox::Content;
use crate::domain::message::{Heartbeat, Hello};

/// Most messages sent and not yet acknowledged: enough to fill the commits of a fast server, small beside its queue.
pub(super) const IN_FLIGHT_MAX: usize = 200;
/// Room in the client's queue beside those: subscription, hello, heartbeat.
pub(super) const CONTROL_MAX: usize = 16;
/// How often a unit says that it is alive.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(5);
/// How long to wait for the welcome before sending readings regardless.
const WELCOME_WAIT: Duration = Duration::from_secs(5);
/// How often time-outs are looked at; also the delay before a delivered device signs off.
const PULSE: Duration = Duration::from_millis(100);
/// When the oldest message was not acknowledged for so long although others may have been, everything is sent again: a
/// broker that ran full dropped it. Shorter in tests, which would otherwise wait for it.
const RESEND_WAIT: Duration = Duration::from_millis(if cfg!(test) { 500 } else { 30_000 });
/// Doubled while nothing at all is acknowledged, up to so many times: the server or its database is away then, and what is
/// sent again only fills the broker.
const RESEND_DOUBLED_MAX: u32 = 2;
/// How soon to say hello again when the broker says that nobody took it.
const HELLO_AGAIN: Duration = Duration::from_millis(300);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
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

/// The state of a connection.
pub(super) struct Session<'a> {
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
    /// How often in a row everything was sent again without an acknowledgement, and how many there were before.
    resent: (u32, u64),
    /// When to say hello again.
    hello_again: Option<Instant>,
    /// Whether the server refused a reading.
    refused: bool,
    cut: Option<Instant>,
}

impl<'a> Session<'a> {
    /// A connection about to be made; it is cut on purpose at the time given.
    pub(super) fn new(link: &'a mut Link, client: AsyncClient, cut: Option<Instant>) -> Self {
        let now = Instant::now();
        Self {
            link,
            client,
            flight: Flight::default(),
            began: now,
            connected: None,
            greeted: false,
            boot: 0,
            heartbeat: now,
            oldest: (None, now),
            resent: (0, 0),
            hello_again: None,
            refused: false,
            cut,
        }
    }

    /// Delivers until nothing is left to deliver, ever.
    pub(super) async fn run(mut self, mut events: EventLoop) -> Result<(), Lost> {
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
            if matches!(event, Event::Incoming(Incoming::Publish(_))) {
                self.link.contact.hear();
            }
            match event {
                Event::Incoming(Incoming::ConnAck(_)) => self.greet()?,
                Event::Incoming(Incoming::PubAck(ack)) => self.on_puback(&ack).await?,
                Event::Incoming(Incoming::Publish(message)) => self.on_message(&message).await?,
                // QoS 0 has no packet id, and nothing to wait for.
                Event::Outgoing(rumqttc::Outgoing::Publish(packet_id)) if packet_id != 0 => {
                    self.flight.got_packet_id(packet_id);
                }
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
        self.hello()?;
        self.link.contact.connects();
        Ok(())
    }

    fn hello(&mut self) -> Result<(), Lost> {
        let identity = &self.link.identity;
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

    fn pulse(&mut self, heartbeat: &Heartbeat) -> Result<(), Lost> {
        let topic = format!("cellar/v1/{}/up/heartbeat", self.link.identity.device);
        let payload = serde_json::to_vec(heartbeat).map_err(|_| Lost::Queue)?;
        self.client.try_publish(topic, QoS::AtMostOnce, false, payload).map_err(|_| Lost::Queue)
    }

    fn publish(&mut self, topic: &str, payload: bytes::Bytes, id: Option<u64>) -> Result<(), Lost> {
        let topic = format!("cellar/v1/{}/up/{topic}", self.link.identity.device);
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).map_err(|_| Lost::Queue)?;
        self.flight.unsent.push_back(id);
        Ok(())
    }

    fn send_waiting(&mut self) -> Result<(), Lost> {
        // Behind a broker a message is in flight until the server has it: what the broker holds is delivered in its order,
        // and the newest would stand behind all of it.
        let has_room = |flight: usize, waiting: usize| flight < IN_FLIGHT_MAX && waiting < IN_FLIGHT_MAX;
        while self.greeted && has_room(self.flight.len(), self.link.outbox.in_flight()) && !self.is_silent() {
            let Some((id, message)) = self.link.outbox.next() else { break };
            self.publish(message.topic, message.payload, Some(id))?;
        }
        Ok(())
    }

    /// Whether the device holds its tongue on purpose.
    fn is_silent(&self) -> bool {
        let silence = self.link.silence.filter(|_| !self.link.outbox.is_closed());
        silence.is_some_and(|silence| silence.is_now(self.link.started.elapsed()))
    }

    /// Looks at every time-out; whether everything is delivered and nothing more will come.
    fn is_over(&mut self) -> Result<bool, Lost> {
        let now = Instant::now();
        if self.cut.is_some_and(|cut| now >= cut) {
            return Err(Lost::OnPurpose);
        }
        let Some(connected) = self.connected else { return Ok(false) };
        if self.hello_again.is_some_and(|again| now >= again) {
            self.hello_again = None;
            self.hello()?;
        }
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
            // Without acknowledgement: a server that cannot store must hear that the device lives, however long it lasts.
            if !self.is_silent() {
                self.pulse(&Heartbeat { boot, uptime_s })?;
            }
        }
        let outbox = &self.link.outbox;
        let oldest = outbox.oldest_sent();
        if oldest != self.oldest.0 {
            self.oldest = (oldest, now);
        } else if now - self.oldest.1 >= RESEND_WAIT * (1 << self.resent.0)
            && (self.refused || self.link.broker.ack == AckMode::EndToEnd)
        {
            // PUBACK needs no such care: without it the message is still in flight.
            self.oldest.1 = now;
            self.refused = false;
            let acknowledged = self.link.acknowledged;
            let times = if acknowledged == self.resent.1 { (self.resent.0 + 1).min(RESEND_DOUBLED_MAX) } else { 0 };
            self.resent = (times, acknowledged);
            outbox.rewind();
        }
        self.send_waiting()?;
        Ok(self.link.outbox.is_closed() && self.link.outbox.is_empty())
    }

    async fn on_puback(&mut self, ack: &PubAck) -> Result<(), Lost> {
        let Some(Some(id)) = self.flight.sent.remove(&ack.pkid) else {
            if ack.reason == PubAckReason::NoMatchingSubscribers {
                self.hello_again = Some(Instant::now() + HELLO_AGAIN);
            }
            return Ok(());
        };
        let outbox = &self.link.outbox;
        let is_reading = matches!(outbox.content(id), Some(Content::Rows { .. }));
        if ack.reason != PubAckReason::Success {
            if !self.refused {
                tracing::warn!(device = %self.link.identity.device, reason = ?ack.reason, "a message was not taken");
            }
            // A broker without a server behind it takes nothing. Whatever can still be taken is sent again after a while.
            if is_reading || ack.reason == PubAckReason::NoMatchingSubscribers {
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
                    self.link.contact.welcomed(self.link.started.elapsed());
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
