//! The task that polls the connection to the broker, and does nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{Event, EventLoop};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::watch;

/// Pauses between attempts to connect; each is drawn between half and all of it, so that servers do not act in step. Short:
/// a broker has one bridge, and a whole lab waits for it.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// Number of the connection that is up, or will be next. Requests go out under its lock, so that none which belongs to
/// an older connection can slip into a newer one.
pub(super) type Turn = Arc<Mutex<u64>>;

/// What the polling task hears.
#[expect(clippy::large_enum_variant, reason = "nearly all are messages")]
pub(super) enum Heard {
    /// The broker let us in; nothing of an older connection counts any more.
    Connected(u64),
    /// Another server is connected from now on: what this one has not handed to the writer is its business.
    Released,
    Message(Publish),
}

/// Polls the connection and passes on what it brings. It never waits for the other task: a poll that does not happen
/// is an acknowledgement that does not leave, and then nothing would ever free the place it waits for.
pub(super) async fn poll(
    mut connection: EventLoop,
    turn: Turn,
    mut leads: watch::Receiver<bool>,
    heard: mpsc::Sender<Heard>,
    subscribed: watch::Sender<bool>,
) {
    let mut pause = RETRY_FIRST;
    loop {
        if !*leads.borrow_and_update() {
            subscribed.send_replace(false);
            hang_up(&mut connection, &turn);
            // No place for it: then what waits is stored here too, and known there.
            let _ = heard.try_send(Heard::Released);
            tokio::select! {
                is_leader = leads.wait_for(|leads| *leads) => if is_leader.is_err() { return },
                () = heard.closed() => return,
            }
        }
        let event = tokio::select! {
            event = connection.poll() => event,
            Ok(()) = leads.changed() => continue,
        };
        let word = match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                tracing::info!("connected to the broker");
                pause = RETRY_FIRST;
                Heard::Connected(*turn.lock().unwrap_or_else(PoisonError::into_inner))
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => Heard::Message(publish),
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                subscribed.send_replace(true);
                continue;
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "no connection to the broker");
                subscribed.send_replace(false);
                hang_up(&mut connection, &turn);
                tokio::select! {
                    () = tokio::time::sleep(jittered(pause)) => {}
                    () = heard.closed() => return,
                }
                pause = (pause * 2).min(RETRY_MAX);
                continue;
            }
        };
        match heard.try_send(word) {
            // After the order to stop, messages are left to the broker; the goodbye is still to be sent.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(Heard::Message(publish))) if publish.qos == QoS::AtMostOnce => {
                tracing::warn!("a message without acknowledgement was dropped: they come faster than they are stored");
            }
            // The receive maximum makes this impossible with a broker that keeps to it: begin again without the rest.
            Err(TrySendError::Full(_)) => hang_up(&mut connection, &turn),
        }
    }
}

/// Ends a connection; acknowledgements on their way to it are dropped, and none are added any more.
fn hang_up(connection: &mut EventLoop, turn: &Turn) {
    *turn.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    connection.clean();
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + 0.5 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_jittered_and_never_longer_than_asked() {
        for _ in 0..100 {
            let pause = jittered(RETRY_MAX);
            assert!((RETRY_MAX / 2..=RETRY_MAX).contains(&pause));
        }
    }
}
