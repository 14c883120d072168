//! The load: devices that send batches as fast as they are acknowledged, at next to no cost of their own.
//!
//! Every packet is made once; what changes from one sending to the next are digits of fixed width, written in place.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cellar::domain::ids::BatteryId;

/// Connections, each a device.
pub(crate) const DEVICES: usize = 8;
/// What a device waits for in vain after this time is not going to come.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at what a broker answers; a small part of what the window holds.
const BROKER_PAUSE: Duration = Duration::from_millis(5);
/// A paced device sends what is due so often.
const PACE_PAUSE: Duration = Duration::from_millis(5);
/// Ten digits from the first to the last sending.
const SEQ_FIRST: u64 = 1_000_000_000;
const SECOND_FIRST: u64 = 1_790_000_000;
const QUANTITIES: [(&str, f64, usize); 7] = [
    ("voltage_v", 3.7, 4),
    ("current_a", 1.25, 4),
    ("power_w", 4.625, 3),
    ("temperature_c", 25.0, 2),
    ("ambient_c", 21.0, 2),
    ("capacity_ah", 2.5, 5),
    ("energy_wh", 9.25, 4),
];

/// What tells a device that a row is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// PUBACK, from the built-in endpoint.
    Puback,
    /// `down/ack`, behind a broker.
    DownAck,
}

/// What every device of a run does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) port: u16,
    pub(crate) battery: BatteryId,
    pub(crate) rows: usize,
    /// Messages sent ahead of their proof.
    pub(crate) window: usize,
    pub(crate) proof: Proof,
    /// Messages a second of each device; as fast as they are acknowledged when `None`.
    pub(crate) pace: Option<f64>,
}

/// What a run reached.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) messages_per_s: f64,
    pub(crate) rows_per_s: f64,
    /// How long each message waited for its proof, ms, ascending; only of a paced run.
    pub(crate) waits_ms: Vec<f64>,
}

/// The id of a device; its secret is the same.
pub(crate) fn device(index: usize) -> String {
    format!("bench-{index}")
}

/// Runs the plan: some time to warm up, then the time that counts.
pub(crate) fn run(plan: Plan, warm_up: Duration, time: Duration) -> Outcome {
    let safe = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let devices: Vec<JoinHandle<Vec<f64>>> = (0..DEVICES)
        .map(|index| {
            let (safe, stop) = (Arc::clone(&safe), Arc::clone(&stop));
            std::thread::spawn(move || Device::connect(plan, index).work(&safe, &stop))
        })
        .collect();
    std::thread::sleep(warm_up);
    let (began, before) = (Instant::now(), safe.load(Ordering::Relaxed));
    std::thread::sleep(time);
    let (seconds, after) = (began.elapsed().as_secs_f64(), safe.load(Ordering::Relaxed));
    stop.store(true, Ordering::Relaxed);
    let mut waits_ms: Vec<f64> = devices.into_iter().flat_map(|device| device.join().unwrap()).collect();
    waits_ms.sort_by(f64::total_cmp);
    let messages_per_s = (after - before) as f64 / seconds;
    Outcome { messages_per_s, rows_per_s: messages_per_s * plan.rows as f64, waits_ms }
}

struct Device {
    plan: Plan,
    stream: TcpStream,
    packets: Packets,
    received: Vec<u8>,
    /// Messages sent, and those of them that are safe.
    sent: u64,
    safe: u64,
    /// When those were sent that are not safe, of a paced run.
    sent_at: VecDeque<Instant>,
    waits_ms: Vec<f64>,
}

impl Device {
    fn connect(plan: Plan, index: usize) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", plan.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let id = device(index);
        let mut body = b"\0\x04MQTT\x04\xc2\0\0".to_vec();
        for text in [&id, &id, &id] {
            string(&mut body, text);
        }
        stream.write_all(&packet(0x10, &body)).unwrap();
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).unwrap();
        assert_eq!(connack, [0x20, 2, 0, 0], "{id} is not let in");
        if plan.proof == Proof::DownAck {
            let mut body = vec![0, 1];
            string(&mut body, &format!("cellar/v1/{id}/down/ack"));
            body.push(0);
            stream.write_all(&packet(0x82, &body)).unwrap();
        }
        let packets = Packets::new(&id, plan, index);
        Self {
            plan,
            stream,
            packets,
            received: Vec::new(),
            sent: 0,
            safe: 0,
            sent_at: VecDeque::new(),
            waits_ms: vec![],
        }
    }

    fn work(mut self, safe: &AtomicU64, stop: &AtomicBool) -> Vec<f64> {
        let began = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let open = usize::try_from(self.sent - self.safe).unwrap();
            // A few at a time: writing all of them would leave the server idle meanwhile.
            let mut wanted = (self.plan.window - open).min(50);
            if let Some(pace) = self.plan.pace {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few thousand")]
                let due = (began.elapsed().as_secs_f64() * pace) as u64;
                let due = due.saturating_sub(self.sent);
                wanted = wanted.min(usize::try_from(due).unwrap());
                if wanted == 0 && open == 0 {
                    std::thread::sleep(PACE_PAUSE);
                    continue;
                }
                self.sent_at.extend(std::iter::repeat_n(Instant::now(), wanted));
            }
            if wanted > 0 {
                let bytes = self.packets.next(self.sent, wanted);
                self.stream.write_all(bytes).unwrap();
                self.sent += wanted as u64;
            }
            if wanted < 50 {
                if self.plan.proof == Proof::DownAck {
                    // A broker acknowledges each message by itself: being woken for each would cost more than sending.
                    std::thread::sleep(BROKER_PAUSE);
                }
                safe.fetch_add(self.receive(), Ordering::Relaxed);
            }
        }
        while self.safe < self.sent {
            self.receive();
        }
        self.waits_ms
    }

    /// Reads what is there and returns how many more messages are safe.
    fn receive(&mut self) -> u64 {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer).expect("an answer in time");
        assert!(count > 0, "the server closed the connection");
        self.received.extend_from_slice(&buffer[..count]);
        let (before, mut at) = (self.safe, 0);
        // All packets here are shorter than 128 bytes, so their length is one byte.
        while let Some(&[kind, length]) = self.received.get(at..at + 2) {
            assert!(length < 128, "a longer packet than expected");
            let Some(body) = self.received.get(at + 2..at + 2 + usize::from(length)) else { break };
            match (kind, self.plan.proof) {
                (0x40, Proof::Puback) => self.safe += 1,
                (0x30, Proof::DownAck) => {
                    let rows = upto(body) - SEQ_FIRST + 1;
                    self.safe = self.safe.max(rows / self.plan.rows as u64);
                }
                (0x40 | 0x90, _) => {}
                other => panic!("an unexpected packet {other:?}"),
            }
            at += 2 + body.len();
        }
        self.received.drain(..at);
        let safe = usize::try_from(self.safe - before).unwrap().min(self.sent_at.len());
        self.waits_ms.extend(self.sent_at.drain(..safe).map(|sent| sent.elapsed().as_secs_f64() * 1e3));
        self.safe - before
    }
}

/// The number of the last committed row in a `down/ack`; rows begin in the middle, so it is the end of a range.
fn upto(body: &[u8]) -> u64 {
    let text = std::str::from_utf8(body).unwrap();
    let numbers = text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok());
    numbers.filter(|number| *number >= SEQ_FIRST).max().unwrap_or(SEQ_FIRST - 1)
}

/// The packets of one device, one behind the other, as many as its window holds.
struct Packets {
    bytes: Vec<u8>,
    rows: u64,
    /// Length of a packet, all are equal; where its packet id, its seq and its seconds stand.
    length: usize,
    packet_id_at: usize,
    seq_at: usize,
    seconds_at: Vec<usize>,
    count: usize,
}

impl Packets {
    fn new(id: &str, plan: Plan, index: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(index as u64);
        let payloads: Vec<Vec<u8>> = (0..plan.window).map(|_| payload(plan, index, &mut random).into_bytes()).collect();
        let longest = payloads.iter().map(Vec::len).max().unwrap();
        let topic = format!("cellar/v1/{id}/up/samples");
        let mut bytes = Vec::new();
        let mut length = 0;
        for mut payload in payloads {
            // White space behind the object makes them equally long.
            payload.resize(longest, b' ');
            let mut body = Vec::new();
            string(&mut body, &topic);
            body.extend_from_slice(&[0, 0]);
            body.extend_from_slice(&payload);
            let packet = packet(0x32, &body);
            length = packet.len();
            bytes.extend_from_slice(&packet);
        }
        let payload_at = length - longest;
        let find = |word: &str| bytes[..length].windows(word.len()).position(|found| found == word.as_bytes()).unwrap();
        let seq_at = find("\"seq\":") + 6;
        let times_at = find("\"at_us\":[") + 9;
        let seconds_at = (0..plan.rows).map(|row| times_at + row * 17).collect();
        Self {
            packet_id_at: payload_at - 2,
            seq_at,
            seconds_at,
            length,
            count: plan.window,
            rows: plan.rows as u64,
            bytes,
        }
    }

    /// The next `wanted` messages, from number `from` on. They lie one behind the other, so that one write sends them.
    fn next(&mut self, from: u64, wanted: usize) -> &[u8] {
        let first = usize::try_from(from % self.count as u64).unwrap();
        let first = if first + wanted > self.count { 0 } else { first };
        for index in 0..wanted {
            let number = from + index as u64;
            let packet = &mut self.bytes[(first + index) * self.length..][..self.length];
            let packet_id = u16::try_from(number % 60_000 + 1).unwrap();
            packet[self.packet_id_at..][..2].copy_from_slice(&packet_id.to_be_bytes());
            digits(&mut packet[self.seq_at..][..10], SEQ_FIRST + number * self.rows);
            let mut second = [b'0'; 10];
            for (row, at) in self.seconds_at.iter().enumerate() {
                if row % 10 == 0 {
                    digits(&mut second, SECOND_FIRST + (number * self.rows + row as u64) / 10);
                }
                packet[*at..][..10].copy_from_slice(&second);
            }
        }
        &self.bytes[first * self.length..(first + wanted) * self.length]
    }
}

/// One batch: rows 100 ms apart with some jitter, values as a cycler measures them.
fn payload(plan: Plan, index: usize, random: &mut fastrand::Rng) -> String {
    let join = |values: Vec<String>| values.join(",");
    let times = (0..plan.rows).map(|row| format!("{SECOND_FIRST}{:06}", row % 10 * 100_000 + random.usize(..1_500)));
    let times = join(times.collect());
    let columns = QUANTITIES.map(|(name, level, digits)| {
        let values = (0..plan.rows).map(|_| format!("{:.digits$}", level + random.f64() * level / 100.0));
        format!("\"{name}\":[{}]", join(values.collect()))
    });
    let (boot, battery, columns) = (1_000 + index, plan.battery, columns.join(","));
    format!(
        r#"{{"boot":{boot},"seq":{SEQ_FIRST},"for":{{"battery":{battery}}},"at_us":[{times}],"columns":{{{columns}}}}}"#
    )
}

/// One payload for those who only parse.
pub(crate) fn sample_payload(rows: usize) -> Vec<u8> {
    let plan = Plan { port: 0, battery: BatteryId(1), rows, window: 1, proof: Proof::Puback, pace: None };
    payload(plan, 0, &mut fastrand::Rng::with_seed(0)).into_bytes()
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap();
        number /= 10;
    }
}

fn string(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
    body.extend_from_slice(text.as_bytes());
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut length = body.len();
    while length > 127 {
        packet.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    packet.push(u8::try_from(length).unwrap());
    packet.extend_from_slice(body);
    packet
}
