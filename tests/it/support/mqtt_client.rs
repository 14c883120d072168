//! An MQTT client that sends what a test says, also what no client library would: forged topics, odd user names.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What has not happened after this time is not going to.
const PATIENCE: Duration = Duration::from_secs(20);

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V3,
    V5,
}

impl Version {
    pub(crate) const BOTH: [Self; 2] = [Self::V3, Self::V5];

    fn level(self) -> u8 {
        match self {
            Self::V3 => 4,
            Self::V5 => 5,
        }
    }

    /// No properties.
    fn none(self) -> &'static [u8] {
        match self {
            Self::V3 => &[],
            Self::V5 => &[0],
        }
    }
}

/// What a client says of itself when it connects.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Login<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    /// Topic and payload of the will.
    pub(crate) will: Option<(&'a str, &'a [u8])>,
}

impl<'a> Login<'a> {
    pub(crate) fn of(user: &'a str, password: &'a str) -> Self {
        Self { user: Some(user), password: Some(password), will: None }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    /// Refused with this code.
    Refused(u8),
    /// The other side closed the connection.
    Closed,
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

/// A connected client. Dropped, it is gone without a goodbye, so that its will counts.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    version: Version,
    last_id: u16,
    arrived: VecDeque<Message>,
}

impl Client {
    /// Connects; what the other side answered when it does not let the client in.
    pub(crate) async fn connect(port: u16, version: Version, login: &Login<'_>) -> Result<Self, Answer> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("somebody listens");
        Self::over(stream, version, login).await
    }

    /// The same over a connection that is there.
    pub(crate) async fn over(stream: TcpStream, version: Version, login: &Login<'_>) -> Result<Self, Answer> {
        let mut client = Self { stream, version, last_id: 0, arrived: VecDeque::new() };
        let mut flags = 0x02;
        let mut payload = text("");
        if let Some((topic, message)) = login.will {
            flags |= 0x0c;
            payload.extend_from_slice(version.none());
            payload.extend(text(topic));
            payload.extend(bytes(message));
        }
        if let Some(user) = login.user {
            flags |= 0x80;
            payload.extend(text(user));
        }
        if let Some(password) = login.password {
            flags |= 0x40;
            payload.extend(text(password));
        }
        let head = [&text("MQTT"), &[version.level(), flags, 0, 0][..], version.none()].concat();
        client.send(0x10, &[head, payload].concat()).await;
        match client.packet().await {
            Some((0x20, body)) if body[1] == 0 => Ok(client),
            Some((0x20, body)) => Err(Answer::Refused(body[1])),
            _ => Err(Answer::Closed),
        }
    }

    /// Publishes with QoS 1 and waits for the answer.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &[u8], retain: bool) -> Answer {
        let id = self.next_id();
        let body = [&text(topic), &id[..], self.version.none(), payload].concat();
        self.send(if retain { 0x33 } else { 0x32 }, &body).await;
        match self.answer(0x40, id).await {
            Some(body) => body.get(2).filter(|code| **code >= 0x80).map_or(Answer::Done, |code| Answer::Refused(*code)),
            None => Answer::Closed,
        }
    }

    /// Publishes with QoS 0: nothing is waited for.
    pub(crate) async fn say(&mut self, topic: &str, payload: &[u8]) {
        let body = [&text(topic), self.version.none(), payload].concat();
        self.send(0x30, &body).await;
    }

    /// Subscribes with QoS 0 and waits for the answer.
    pub(crate) async fn subscribe(&mut self, filter: &str) -> Answer {
        let id = self.next_id();
        let body = [&id[..], self.version.none(), &text(filter), &[0]].concat();
        self.send(0x82, &body).await;
        match self.answer(0x90, id).await {
            Some(body) => match body.last() {
                Some(code) if *code >= 0x80 => Answer::Refused(*code),
                _ => Answer::Done,
            },
            None => Answer::Closed,
        }
    }

    /// Asks for a sign of life.
    pub(crate) async fn ping(&mut self) -> Answer {
        self.send(0xc0, &[]).await;
        loop {
            match self.packet().await {
                Some((0xd0, _)) => return Answer::Done,
                Some((kind, body)) => self.keep(kind, &body),
                None => return Answer::Closed,
            }
        }
    }

    /// What arrived up to and including the first message on this topic.
    pub(crate) async fn messages_until(&mut self, topic: &str) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            while let Some(message) = self.arrived.pop_front() {
                let is_last = message.topic == topic;
                messages.push(message);
                if is_last {
                    return messages;
                }
            }
            let (kind, body) = self.packet().await.expect("a message, not the end of the connection");
            self.keep(kind, &body);
        }
    }

    /// The next message; [`Answer::Done`] when there is none in that time, [`Answer::Closed`] when there will be none.
    pub(crate) async fn message_within(&mut self, time: Duration) -> Result<Message, Answer> {
        let ends_at = tokio::time::Instant::now() + time;
        loop {
            if let Some(message) = self.arrived.pop_front() {
                return Ok(message);
            }
            // A packet that has begun is read to its end.
            let begins = tokio::time::timeout_at(ends_at, self.stream.peek(&mut [0])).await;
            if begins.is_err() {
                return Err(Answer::Done);
            }
            let (kind, body) = self.packet().await.ok_or(Answer::Closed)?;
            self.keep(kind, &body);
        }
    }

    /// Waits for the end of the connection; the last packet before it.
    pub(crate) async fn closed(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut last = None;
        while let Some(packet) = self.packet().await {
            last = Some(packet);
        }
        last
    }

    fn next_id(&mut self) -> [u8; 2] {
        self.last_id += 1;
        self.last_id.to_be_bytes()
    }

    async fn answer(&mut self, wanted: u8, id: [u8; 2]) -> Option<Vec<u8>> {
        loop {
            match self.packet().await? {
                (kind, body) if kind == wanted && body[..2] == id => return Some(body),
                (0xe0, _) => return None,
                (kind, body) => self.keep(kind, &body),
            }
        }
    }

    fn keep(&mut self, kind: u8, body: &[u8]) {
        if kind & 0xf0 != 0x30 {
            return;
        }
        let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let topic = String::from_utf8_lossy(&body[2..2 + length]).into_owned();
        let mut at = 2 + length + if kind & 0x06 == 0 { 0 } else { 2 };
        if self.version == Version::V5 {
            assert!(body[at] < 0x80, "few properties");
            at += 1 + usize::from(body[at]);
        }
        self.arrived.push_back(Message { topic, payload: body[at..].to_vec() });
    }

    /// A connection that the other side closed already takes what it takes: the next read tells.
    async fn send(&mut self, kind: u8, body: &[u8]) {
        let mut packet = vec![kind];
        let mut length = body.len();
        loop {
            let more = length > 127;
            packet.push(u8::try_from(length & 0x7f).expect("7 bits") | if more { 0x80 } else { 0 });
            length >>= 7;
            if !more {
                break;
            }
        }
        packet.extend_from_slice(body);
        let _ = tokio::time::timeout(PATIENCE, self.stream.write_all(&packet)).await.expect("sent in time");
    }

    /// The next packet; `None` when the connection is closed.
    async fn packet(&mut self) -> Option<(u8, Vec<u8>)> {
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
}

fn text(text: &str) -> Vec<u8> {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).expect("a short text").to_be_bytes(), bytes].concat()
}
