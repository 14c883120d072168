//! The connection of a simulated device: MQTT 5 over TCP, over and over until everything is delivered.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rumqttc::NetworkOptions;
use rumqttc::v5::{AsyncClient, MqttOptions};
use tokio::sync::{Notify, mpsc};

use super::device::Identity;
use super::journal::Journal;
use super::mischief::Silence;
use super::outbox::Outbox;
use super::session::{CONTROL_MAX, IN_FLIGHT_MAX, Lost, Session};

/// Largest message taken from the server.
const INCOMING_BYTES_MAX: u32 = 256 * 1024;
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

/// What the sending half tells the measuring half.
#[derive(Debug)]
pub(super) struct Contact {
    heard: Mutex<Instant>,
    connections: AtomicU64,
    /// How long the first welcome took, ms.
    welcomed_after_ms: AtomicU64,
    /// Notified after each log-in.
    pub(super) connected: Notify,
}

impl Contact {
    pub(super) fn new() -> Self {
        Self {
            heard: Mutex::new(Instant::now()),
            connections: AtomicU64::new(0),
            welcomed_after_ms: AtomicU64::new(0),
            connected: Notify::new(),
        }
    }

    /// How long ago the server said anything.
    pub(super) fn silence(&self) -> Duration {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// A log-in succeeded.
    pub(super) fn connects(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connected.notify_one();
    }

    /// The server said welcome, so long after the device began.
    pub(super) fn welcomed(&self, after: Duration) {
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX).max(1);
        // The first one stands.
        let _ = self.welcomed_after_ms.compare_exchange(0, after_ms, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Connections made so far, and how long the first welcome took, ms.
    pub(super) fn history(&self) -> (u64, u64) {
        (self.connections.load(Ordering::Relaxed), self.welcomed_after_ms.load(Ordering::Relaxed))
    }

    /// The server said something.
    pub(super) fn hear(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// The sending half of a device.
pub(super) struct Link {
    pub(super) identity: Identity,
    pub(super) broker: Broker,
    pub(super) boot: Arc<AtomicU32>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) journal: Option<Journal>,
    /// What the measuring half wants to know of the connection.
    pub(super) contact: Arc<Contact>,
    /// Commands of the server go here; none are taken while it is full, the server repeats them.
    pub(super) commands: mpsc::Sender<serde_json::Value>,
    pub(super) random: fastrand::Rng,
    /// Cut the connection by chance, on average after so long.
    pub(super) cut_after: Option<Duration>,
    /// When to hold the tongue.
    pub(super) silence: Option<Silence>,
    pub(super) started: Instant,
    /// Messages acknowledged so far.
    pub(super) acknowledged: u64,
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
            if self.outbox.is_closed() && self.outbox.is_empty() {
                return;
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
        let cut = self.cut_after.map(|mean| Instant::now() + mean.mul_f64(2.0 * self.random.f64()));
        Session::new(self, client, cut).run(events).await
    }
}
