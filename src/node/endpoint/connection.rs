//! One connection: a task that owns a socket and everything that belongs to it.
//!
//! The task waits for all at once: the socket, word of commits, room in the writer's queue, letters to the device, the
//! clock and the order to stop. Nothing here waits for one of them alone, so a ping is answered whatever else is stuck.

mod answers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::ConnectionOptions;
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet};
use mqtt_protocol_core::mqtt::prelude::Event;
use mqtt_protocol_core::mqtt::result_code::{DisconnectReasonCode, MqttError};
use mqtt_protocol_core::mqtt::{self, Version, connection::TimerKind, role};
use tokio::sync::watch;
use tokio::time::Instant;

use super::packets;
use super::registry::Notice;
use super::session::{self, Session};
use super::stream::{self, Moved, Stream};
use super::{Context, told_to_stop};
use crate::ingest::intake::{AckInbox, Closed, PAYLOAD_BYTES_MAX};
use crate::node::admission::Admission;
use crate::node::window::Window;

/// Time from the connection to its CONNECT, and again for the log-in to be checked.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that takes no byte for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time to acknowledge what the writer still commits when the server stops, and then to send it.
/// Together less than the server gives a part to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);
const CLOSE_GRACE: Duration = Duration::from_millis(500);
/// The read buffer of an idle connection, and of a busy one. Thousands of connections are idle.
const READ_BYTES_MIN: usize = 4 * 1024;
const READ_BYTES_MAX: usize = 64 * 1024;
/// Unsent bytes at which reading pauses: a peer that sends must also receive.
const WRITE_BYTES_MAX: usize = 256 * 1024;
/// Largest packet: the largest payload, with topic and properties.
#[expect(clippy::cast_possible_truncation, reason = "65 KiB")]
const PACKET_BYTES_MAX: u32 = (PAYLOAD_BYTES_MAX + 1024) as u32;
/// Most messages to a device that it has not acknowledged.
const DOWN_IN_FLIGHT_MAX: usize = 16;

/// One connection.
pub(super) struct Connection<S> {
    stream: S,
    peer: SocketAddr,
    context: Arc<Context>,
    core: mqtt::Connection<role::Server>,
    inbox: Arc<AckInbox>,
    window: Window,
    admission: Admission<packets::Payload>,
    session: Option<Session>,
    read_buffer: Vec<u8>,
    /// What is to be sent.
    out: Vec<u8>,
    /// Whether there is something in `out`, or encryption holds bytes back.
    is_unsent: bool,
    /// When what is to be sent stopped moving.
    stalled_at: Option<Instant>,
    phase: Phase,
    /// When patience ends: for the CONNECT, the next sign of life, or the end of stopping or closing.
    deadline: Option<Instant>,
    /// One and a half keep-alive times, if the device named one.
    keep_alive: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Reading.
    Open,
    /// The server stops: no new reads, acknowledgements still leave.
    Stopping,
    /// Nothing but sending what is in the buffer.
    Closing,
}

/// What the task woke up for.
enum Wake {
    Moved(io::Result<Moved>),
    Committed,
    Admitted(Result<(), Closed>),
    Notice(Notice),
    Deadline,
    Stop,
}

/// The end of a connection that has nothing more to say.
enum End {
    /// The peer closed it, or is gone.
    Gone,
    /// Everything was sent.
    Closed,
    /// The socket failed.
    Failed(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(stream: S, peer: SocketAddr, context: Arc<Context>) -> Self {
        // The receive maximum is no option: it would close MQTT 3.1.1 devices, which know of none.
        let options = ConnectionOptions::new().maximum_packet_size_recv(PACKET_BYTES_MAX);
        let mut core = mqtt::Connection::with_options(Version::Undetermined, options);
        // The protocol machine must not acknowledge a message: only the commit does.
        core.set_auto_pub_response(false);
        core.set_auto_ping_response(true);
        let admission = Admission::new(context.intake.clone(), context.guard.clone());
        Self {
            stream,
            peer,
            context,
            core,
            inbox: AckInbox::new(),
            window: Window::default(),
            admission,
            session: None,
            read_buffer: vec![0; READ_BYTES_MIN],
            out: Vec::new(),
            is_unsent: false,
            stalled_at: None,
            phase: Phase::Open,
            deadline: Some(Instant::now() + CONNECT_TIMEOUT),
            keep_alive: None,
        }
    }

    /// Serves the connection to its end.
    pub(super) async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let end = loop {
            if let Err(end) = self.turn(&mut shutdown).await {
                break end;
            }
        };
        stream::hang_up(&mut self.stream).await;
        let device = self.session.as_ref().map(|session| session.presence.device().as_str());
        match end {
            End::Gone => tracing::debug!(peer = %self.peer, device, "connection gone"),
            End::Closed => tracing::debug!(peer = %self.peer, device, "connection closed"),
            End::Failed(error) => tracing::debug!(peer = %self.peer, device, %error, "connection lost"),
        }
    }

    /// Sends what it can, waits for something to happen, and deals with it.
    async fn turn(&mut self, shutdown: &mut watch::Receiver<bool>) -> Result<(), End> {
        self.flush().await?;
        if self.phase == Phase::Stopping && self.window.is_empty() {
            self.close(DisconnectReasonCode::ServerShuttingDown);
            self.flush().await?;
        }
        if self.phase == Phase::Closing && !self.is_unsent {
            return Err(End::Closed);
        }
        match self.wait(shutdown).await {
            Wake::Moved(Ok(Moved::In(count))) => return self.read(count).await,
            Wake::Moved(Ok(Moved::Out(count))) => {
                self.out.drain(..count);
                self.stalled_at = None;
            }
            Wake::Moved(Err(error)) => return Err(error.into()),
            Wake::Deadline => return self.on_deadline(),
            // The next turn sends.
            Wake::Admitted(Ok(())) => {}
            Wake::Committed => self.acknowledge(),
            Wake::Notice(Notice::Letter(letter)) => self.send_down(letter),
            Wake::Notice(Notice::ShutOut) => self.close(DisconnectReasonCode::NotAuthorized),
            Wake::Notice(Notice::Replaced) => self.close(DisconnectReasonCode::SessionTakenOver),
            Wake::Stop | Wake::Admitted(Err(Closed)) => self.stop(),
        }
        Ok(())
    }

    async fn wait(&mut self, shutdown: &mut watch::Receiver<bool>) -> Wake {
        let reads = self.reads();
        let wants_letters = self.wants_letters();
        let is_open = self.phase == Phase::Open;
        let is_closing = self.phase == Phase::Closing;
        let stalled = self.stalled_at.map(|since| since + WRITE_TIMEOUT);
        let deadline = self.deadline.into_iter().chain(stalled).min();
        let buffer = reads.then_some(&mut self.read_buffer[..]);
        tokio::select! {
            moved = stream::moved(&mut self.stream, buffer, &self.out, self.is_unsent) => Wake::Moved(moved),
            () = self.inbox.wait(), if !is_closing => Wake::Committed,
            admitted = self.admission.advance(), if is_open => Wake::Admitted(admitted),
            notice = session::notice(self.session.as_mut(), wants_letters), if is_open => Wake::Notice(notice),
            () = until(deadline) => Wake::Deadline,
            () = told_to_stop(shutdown), if is_open => Wake::Stop,
        }
    }

    /// Whether the socket is read now. It is not while the connection is at one of its own limits.
    fn reads(&self) -> bool {
        self.phase == Phase::Open && !self.window.is_full() && self.out.len() < WRITE_BYTES_MAX
    }

    fn wants_letters(&self) -> bool {
        let has_vacancy = self.core.get_receive_maximum_vacancy_for_send() != Some(0);
        let in_flight = self.session.as_ref().map_or(0, |session| session.in_flight);
        has_vacancy && in_flight < DOWN_IN_FLIGHT_MAX && self.out.len() < WRITE_BYTES_MAX
    }

    /// Sends as much as the peer takes now.
    async fn flush(&mut self) -> Result<(), End> {
        let (taken, is_unsent) = stream::send_now(&mut self.stream, &self.out).await?;
        self.out.drain(..taken);
        self.is_unsent = is_unsent;
        let was_stalled = self.stalled_at.filter(|_| taken == 0);
        self.stalled_at = is_unsent.then(|| was_stalled.unwrap_or_else(Instant::now));
        Ok(())
    }

    /// Deals with every packet in the bytes that were read.
    async fn read(&mut self, count: usize) -> Result<(), End> {
        if count == 0 {
            return Err(End::Gone);
        }
        let mut buffer = std::mem::take(&mut self.read_buffer);
        let mut cursor = Cursor::new(&buffer[..count]);
        while self.phase == Phase::Open && !cursor.remaining_slice().is_empty() {
            for event in self.core.recv(&mut cursor) {
                match event {
                    Event::NotifyPacketReceived(packet) => self.hear(packet.into()).await,
                    Event::NotifyError(error) => {
                        tracing::info!(peer = %self.peer, ?error, "connection closed for a protocol error");
                        self.begin_closing();
                    }
                    event => self.apply(event),
                }
            }
        }
        if count == buffer.len() && count < READ_BYTES_MAX {
            buffer.resize(2 * count, 0);
        }
        self.read_buffer = buffer;
        self.extend_patience();
        Ok(())
    }

    /// Obeys the protocol machine.
    fn apply(&mut self, event: Event) {
        match event {
            Event::RequestSendPacket { packet, .. } => self.out.extend_from_slice(&packet.to_continuous_buffer()),
            Event::NotifyPacketIdReleased(_) => {
                if let Some(session) = &mut self.session {
                    session.in_flight = session.in_flight.saturating_sub(1);
                }
            }
            Event::RequestTimerReset { kind: TimerKind::PingreqRecv, duration_ms } => {
                self.keep_alive = Some(Duration::from_millis(duration_ms));
            }
            Event::RequestTimerCancel(TimerKind::PingreqRecv) => self.keep_alive = None,
            Event::RequestClose => self.begin_closing(),
            Event::NotifyError(error) => tracing::debug!(peer = %self.peer, ?error, "packet not sent"),
            // Timers of clients; packets are received only in `read`.
            Event::RequestTimerReset { .. } | Event::RequestTimerCancel(_) | Event::NotifyPacketReceived(_) => {}
        }
    }

    fn send(&mut self, packet: Result<Packet, MqttError>) {
        match packet {
            Ok(packet) => {
                for event in self.core.send(packet) {
                    self.apply(event);
                }
            }
            Err(error) => {
                tracing::error!(peer = %self.peer, ?error, "a packet could not be made");
                self.begin_closing();
            }
        }
    }

    fn version(&self) -> Version {
        self.core.get_protocol_version()
    }

    /// Says goodbye with a reason where the protocol allows it, and closes.
    fn close(&mut self, reason: DisconnectReasonCode) {
        if let Some(goodbye) = packets::goodbye(self.version(), reason) {
            self.send(Ok(goodbye));
        }
        self.begin_closing();
    }

    fn begin_closing(&mut self) {
        if self.phase != Phase::Closing {
            self.phase = Phase::Closing;
            self.deadline = Some(Instant::now() + CLOSE_GRACE);
        }
    }

    /// Reads no more and gives up what the writer has not taken; what it has is still acknowledged.
    fn stop(&mut self) {
        if let Some(first) = self.admission.abandon() {
            self.window.cut(first);
        }
        self.phase = Phase::Stopping;
        self.deadline = Some(Instant::now() + STOP_GRACE);
    }

    /// The device showed a sign of life.
    fn extend_patience(&mut self) {
        if self.phase == Phase::Open && self.session.is_some() {
            self.deadline = self.keep_alive.map(|keep_alive| Instant::now() + keep_alive);
        }
    }

    fn on_deadline(&mut self) -> Result<(), End> {
        let is_stalled = self.stalled_at.is_some_and(|since| since.elapsed() >= WRITE_TIMEOUT);
        match self.phase {
            Phase::Closing => return Err(End::Gone),
            _ if is_stalled => return Err(End::Gone),
            Phase::Stopping => self.close(DisconnectReasonCode::ServerShuttingDown),
            Phase::Open if self.session.is_none() => self.begin_closing(),
            // Its signs of life are in the socket, which is not read now.
            Phase::Open if !self.reads() => self.extend_patience(),
            Phase::Open => {
                for event in self.core.notify_timer_fired(TimerKind::PingreqRecv) {
                    self.apply(event);
                }
                self.begin_closing();
            }
        }
        Ok(())
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
