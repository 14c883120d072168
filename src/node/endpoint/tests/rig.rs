//! A running endpoint, the writer's end of its queue, and a client that speaks bytes.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::domain::ids::DeviceId;
use crate::domain::secret::DeviceSecret;
use crate::ingest::intake::{Committed, Intake, Job, acknowledge};
use crate::node::endpoint::{Endpoint, Registry};
use crate::node::gate::Gate;
use crate::store::devices::DeviceLogin;

pub(super) const NOW_US: i64 = 1_700_000_000_000_000;
/// Long enough for a busy machine, short enough for a person.
const PATIENCE: Duration = Duration::from_secs(20);

/// MQTT versions by their number in CONNECT.
pub(super) const V3: u8 = 4;
pub(super) const V5: u8 = 5;

pub(super) struct Rig {
    pub(super) intake: Intake,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) registry: Registry,
    address: std::net::SocketAddr,
    shutdown: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Rig {
    /// An endpoint that admits `cu-1`, `cu-2` and, shut out, `cu-3`; their secret is `secret`.
    pub(super) async fn start() -> Self {
        let (intake, jobs) = Intake::new();
        let login =
            |disabled| DeviceLogin { secret_sha256: DeviceSecret::sent("secret").sha256(), disabled, revision: 0 };
        let entry = |id: &str| (id.parse::<DeviceId>().unwrap(), login(id == "cu-3"));
        let gate = Gate::fixed(["cu-1", "cu-2", "cu-3"].map(entry).into());
        let clock = Clock::Manual(Arc::new(AtomicI64::new(NOW_US)));
        let endpoint =
            Endpoint::bind("127.0.0.1:0".parse().unwrap(), intake.clone(), gate, clock, 3.into()).await.unwrap();
        let address = endpoint.local_addr().unwrap();
        let registry = endpoint.registry();
        let (shutdown, told) = watch::channel(false);
        let running = tokio::spawn(endpoint.run(told));
        Self { intake, jobs, registry, address, shutdown, running }
    }

    pub(super) async fn dial(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap() }
    }

    /// A client logged in as `cu-1`.
    pub(super) async fn client(&self, version: u8) -> Client {
        let mut client = self.dial().await;
        client.send(&connect(version, "cu-1", "secret", 0)).await;
        let (kind, body) = client.receive().await;
        assert_eq!((kind, &body[..2]), (0x20, &[0, 0][..]));
        client
    }

    /// The next message handed to the writer.
    pub(super) async fn job(&mut self) -> Job {
        tokio::time::timeout(PATIENCE, self.jobs.recv()).await.expect("a job in time").expect("an open queue")
    }

    pub(super) async fn jobs(&mut self, count: usize) -> Vec<Job> {
        let mut jobs = Vec::new();
        for _ in 0..count {
            jobs.push(self.job().await);
        }
        jobs
    }

    pub(super) fn stop(&self) {
        self.shutdown.send(true).unwrap();
    }

    pub(super) async fn stopped(self) {
        tokio::time::timeout(PATIENCE, self.running).await.expect("an end in time").unwrap();
    }
}

/// One commit of these messages, of boot 7 up to row 41.
pub(super) fn commit(jobs: Vec<Job>) {
    let tickets = jobs.into_iter().map(|job| (job.ticket, Some((job.device, 7))));
    acknowledge(tickets.collect(), |_, boot| Committed { boot, upto: 41, also: Vec::new() });
}

pub(super) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("sent in time").unwrap();
    }

    /// Sends as much as the socket takes within the time; the number of bytes.
    pub(super) async fn send_for(&mut self, bytes: &[u8], time: Duration) -> usize {
        let mut sent = 0;
        let _ = tokio::time::timeout(time, async {
            while sent < bytes.len() {
                sent += self.stream.write(&bytes[sent..]).await.unwrap();
            }
        })
        .await;
        sent
    }

    /// The next packet: first byte and body.
    pub(super) async fn receive(&mut self) -> (u8, Vec<u8>) {
        self.try_receive().await.expect("a packet, not the end of the connection")
    }

    /// The next packet; `None` when the connection is closed.
    pub(super) async fn try_receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let packet = async {
            let kind = self.stream.read_u8().await.ok()?;
            let (mut length, mut shift) = (0, 0);
            loop {
                let byte = self.stream.read_u8().await.ok()?;
                length |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((kind, body))
        };
        tokio::time::timeout(PATIENCE, packet).await.expect("a packet or the end in time")
    }

    /// Whether nothing arrives for a while.
    pub(super) async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(150), self.stream.peek(&mut [0])).await.is_err()
    }

    /// The packet ids of the next acknowledgements.
    pub(super) async fn pubacks(&mut self, count: usize) -> Vec<u16> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let (kind, body) = self.receive().await;
            assert_eq!(kind, 0x40, "{body:?}");
            ids.push(u16::from_be_bytes([body[0], body[1]]));
        }
        ids
    }
}

pub(super) fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut length = body.len();
    loop {
        let more = length > 127;
        packet.push(u8::try_from(length & 0x7f).unwrap() | if more { 0x80 } else { 0 });
        length >>= 7;
        if !more {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// No properties, in version 5.
fn none(version: u8) -> &'static [u8] {
    if version == V5 { &[0] } else { &[] }
}

pub(super) fn connect(version: u8, user: &str, password: &str, keep_alive_s: u16) -> Vec<u8> {
    let [high, low] = keep_alive_s.to_be_bytes();
    let parts: [&[u8]; 6] =
        [&text("MQTT"), &[version, 0xc2, high, low], none(version), &text(""), &text(user), &text(password)];
    packet(0x10, &parts.concat())
}

/// A QoS 1 message, or with packet id 0 one of QoS 0.
pub(super) fn publish(version: u8, topic: &str, packet_id: u16, payload: &[u8]) -> Vec<u8> {
    let id = packet_id.to_be_bytes();
    let (kind, id): (u8, &[u8]) = if packet_id == 0 { (0x30, &[]) } else { (0x32, &id) };
    packet(kind, &[&text(topic), id, none(version), payload].concat())
}

pub(super) fn samples(version: u8, packet_id: u16) -> Vec<u8> {
    let payload = format!(
        r#"{{"boot":7,"seq":{packet_id},"for":{{"experiment":1}},"at_us":[1],"columns":{{"voltage_v":[3.7]}}}}"#
    );
    publish(version, "cellar/v1/cu-1/up/samples", packet_id, payload.as_bytes())
}

pub(super) fn hello(version: u8, packet_id: u16) -> Vec<u8> {
    publish(version, "cellar/v1/cu-1/up/hello", packet_id, br#"{"boot":7,"kind":"unit"}"#)
}

pub(super) fn subscribe(version: u8, packet_id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = [&packet_id.to_be_bytes(), none(version)].concat();
    for (filter, qos) in filters {
        body.extend_from_slice(&text(filter));
        body.push(*qos);
    }
    packet(0x82, &body)
}

pub(super) fn unsubscribe(version: u8, packet_id: u16, filter: &str) -> Vec<u8> {
    packet(0xa2, &[&packet_id.to_be_bytes(), none(version), &text(filter)].concat())
}

pub(super) const PINGREQ: &[u8] = &[0xc0, 0];
pub(super) const PINGRESP: (u8, Vec<u8>) = (0xd0, Vec::new());
