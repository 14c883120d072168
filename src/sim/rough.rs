//! A rough network: a relay in front of the server that resets connections at any byte, and at times lets nothing through.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

use super::link::Broker;
use super::mischief::{Mischief, STALL, wait};

/// Bytes passed on at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// How long the server may take to accept; beyond it the device is turned away and tries again.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Puts the relay in front of a server, if the mischief asks for one. It ends with the process.
///
/// # Errors
/// When no port can be listened on.
pub async fn relay(broker: Broker, mischief: &Mischief, seed: u64) -> std::io::Result<Broker> {
    if mischief.reset_every.is_none() && mischief.stall_every.is_none() {
        return Ok(broker);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let target = (broker.host.clone(), broker.port);
    let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
    let (reset_every, stall_every) = (mischief.reset_every, mischief.stall_every);
    tokio::spawn(async move {
        while let Ok((device, _)) = listener.accept().await {
            let mut random = random.lock().unwrap_or_else(PoisonError::into_inner).fork();
            let target = target.clone();
            tokio::spawn(async move {
                let connecting = TcpStream::connect((target.0.as_str(), target.1));
                let Ok(Ok(server)) = tokio::time::timeout(CONNECT_MAX, connecting).await else { return };
                let reset = reset_every.map(|mean| Instant::now() + wait(&mut random, mean));
                let stall = stall_every.map(|mean| Instant::now() + wait(&mut random, mean));
                Wire { device, server, reset, stall, random }.run().await;
            });
        }
    });
    Ok(Broker { host: "127.0.0.1".to_owned(), port, ..broker })
}

/// One connection through the relay.
struct Wire {
    device: TcpStream,
    server: TcpStream,
    /// When it is reset.
    reset: Option<Instant>,
    /// When it becomes a black hole, once.
    stall: Option<Instant>,
    random: fastrand::Rng,
}

impl Wire {
    async fn run(mut self) {
        let _ = (self.device.set_nodelay(true), self.server.set_nodelay(true));
        let (mut up, mut down) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
        loop {
            let passed = tokio::select! {
                read = self.device.read(&mut up) => match read {
                    Ok(count) if count > 0 => self.pass_up(&up[..count]).await,
                    _ => return,
                },
                read = self.server.read(&mut down) => match read {
                    Ok(count) if count > 0 => self.device.write_all(&down[..count]).await,
                    _ => return,
                },
                () = until(self.stall) => {
                    self.stall = None;
                    tokio::time::sleep(STALL).await;
                    Ok(())
                }
            };
            if passed.is_err() {
                return;
            }
        }
    }

    /// Passes bytes on to the server, or, when the time has come, some of them and a reset on both sides: the server then
    /// holds half a message, and the device does not know which of its messages arrived.
    async fn pass_up(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.reset.is_none_or(|reset| Instant::now() < reset) {
            return self.server.write_all(bytes).await;
        }
        let some = self.random.usize(..=bytes.len());
        self.server.write_all(&bytes[..some]).await?;
        // Sent before the reset overtakes it.
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.device.set_zero_linger()?;
        self.server.set_zero_linger()?;
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::AckMode;

    #[tokio::test]
    async fn a_connection_is_reset_in_the_middle_of_what_is_sent() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let broker = Broker { host: "127.0.0.1".into(), port, ack: AckMode::Puback };
        let mischief = Mischief { reset_every: Some(Duration::from_millis(50)), ..Mischief::default() };
        let rough = relay(broker.clone(), &mischief, 1).await.unwrap();
        assert_ne!(rough.port, broker.port);
        let received = tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut bytes = vec![0; 1024];
            let mut total = 0;
            loop {
                match stream.read(&mut bytes).await {
                    Ok(0) => return (total, false),
                    Ok(count) => total += count,
                    Err(_) => return (total, true),
                }
            }
        });
        let mut device = TcpStream::connect(("127.0.0.1", rough.port)).await.unwrap();
        let mut sent = 0;
        while device.write_all(&[7; 100]).await.is_ok() {
            sent += 100;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (total, was_reset) = tokio::time::timeout(Duration::from_secs(10), received).await.unwrap().unwrap();
        assert!(was_reset && total > 0 && total <= sent, "{total} of {sent}");
    }

    #[tokio::test]
    async fn without_such_mischief_there_is_no_relay() {
        let broker = Broker { host: "lab".into(), port: 1, ack: AckMode::Puback };
        assert_eq!(relay(broker, &Mischief { twice: 0.5, ..Mischief::default() }, 1).await.unwrap().port, 1);
    }
}
