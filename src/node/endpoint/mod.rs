//! The built-in MQTT endpoint: MQTT 3.1.1 and 5 on one port, one task per connection.
//!
//! It keeps nothing: no sessions, no retained messages. A message is acknowledged when it is committed, not before.

mod access;
mod connection;
mod packets;
mod registry;
mod session;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::ingest::intake::Intake;
use crate::node::gate::Gate;
use crate::node::guard::Guard;
use crate::node::leader::Epoch;

pub use registry::{Letter, NotSent, Registry};

/// Most connections at a time: ten times a large lab, 240 MB when all are idle, and 165 MB more over TLS.
pub const CONNECTIONS_MAX: usize = 12_288;
/// Pause after the system refused to hand over a connection, for instance for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time from the connection to the end of its TLS handshake: a slow device needs a second for the arithmetic.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What every connection needs.
struct Context {
    intake: Intake,
    gate: Gate,
    clock: Clock,
    epoch: Epoch,
    guard: Guard,
    registry: Registry,
}

/// The endpoint, bound to its address.
pub struct Endpoint {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    context: Arc<Context>,
}

impl Endpoint {
    /// Takes the address; port 0 picks a free one. Devices are served once it runs.
    ///
    /// `epoch` is the leader's, told to every device: a command of a lower one is refused by it.
    ///
    /// # Errors
    /// When the address cannot be taken.
    pub async fn bind(address: SocketAddr, intake: Intake, gate: Gate, clock: Clock, epoch: Epoch) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let guard = Guard::new(clock.clone(), epoch.clone());
        let context = Context { intake, gate, clock, epoch, guard, registry: Registry::default() };
        Ok(Self { listener, tls: None, context: Arc::new(context) })
    }

    /// Shows every message to this guard first.
    #[must_use]
    pub fn guarded_by(mut self, guard: Guard) -> Self {
        // Nobody else has the context before it runs.
        if let Some(context) = Arc::get_mut(&mut self.context) {
            context.guard = guard;
        }
        self
    }

    /// Lets devices in only over TLS, if there is a configuration for it.
    #[must_use]
    pub fn with_tls(mut self, config: Option<Arc<ServerConfig>>) -> Self {
        self.tls = config.map(TlsAcceptor::from);
        self
    }

    /// The address devices connect to.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The way to the connected devices.
    #[must_use]
    pub fn registry(&self) -> Registry {
        self.context.registry.clone()
    }

    /// Serves devices until `shutdown` is true (or its sender is gone): then nothing more is read, what was handed to
    /// the writer is acknowledged, and every connection is closed.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let for_connections = shutdown.clone();
        let access = access::follow(self.context.gate.clone(), self.registry(), shutdown.clone());
        let access = tokio::spawn(access);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        if connections.len() >= CONNECTIONS_MAX {
                            tracing::warn!(%peer, "connection refused, {CONNECTIONS_MAX} are open");
                            continue;
                        }
                        let context = Arc::clone(&self.context);
                        connections.spawn(serve(stream, peer, self.tls.clone(), context, for_connections.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "no connection could be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = connections.join_next() => log_panic(ended),
                () = told_to_stop(&mut shutdown) => break,
            }
        }
        drop(self.listener);
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
        log_panic(access.await);
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    context: Arc<Context>,
    shutdown: watch::Receiver<bool>,
) {
    // Acknowledgements are small and must not wait for each other: 44 ms each with Nagle's algorithm.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "connection lost at once");
        return;
    }
    match tls {
        None => connection::Connection::new(stream, peer, context).run(shutdown).await,
        // In a box, so that plain connections do not take the room of encrypted ones.
        Some(tls) => Box::pin(serve_tls(stream, peer, tls, context, shutdown)).await,
    }
}

async fn serve_tls(
    stream: TcpStream,
    peer: SocketAddr,
    tls: TlsAcceptor,
    context: Arc<Context>,
    mut shutdown: watch::Receiver<bool>,
) {
    let handshake = tokio::select! {
        handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)) => handshake,
        () = told_to_stop(&mut shutdown) => return,
    };
    match handshake {
        Ok(Ok(stream)) => connection::Connection::new(stream, peer, context).run(shutdown).await,
        Ok(Err(error)) => tracing::info!(%peer, %error, "connection closed, no TLS came about"),
        Err(_) => tracing::info!(%peer, "connection closed, no TLS within {} s", HANDSHAKE_TIMEOUT.as_secs()),
    }
}

/// Waits for the order to stop; its sender being gone is one too.
async fn told_to_stop(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// A panic is a defect: it ends one connection in production, and the endpoint where tests can see it.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection failed");
        debug_assert!(false, "a connection failed: {error}");
    }
}

#[cfg(test)]
mod tests;
