//! Takes dead letters through the intake again when somebody asked for it, as if the device had just sent them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::codec;
use super::topics::{self, Published, Up};
use crate::clock::Clock;
use crate::domain::ids::DeviceId;
use crate::ingest::intake::{AckInbox, Closed, DeadLetter, Intake, Job, Message, Ticket};
use crate::store::dead_letter_redrive::AskedLetter;
use crate::store::{Store, StoreError};

/// How often the database is asked for letters: whoever presses the button reloads the page not much sooner.
const PERIOD: Duration = Duration::from_secs(1);

/// Why a step was not finished.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Tries marked letters again until `stop` is true.
pub async fn run(store: Store, intake: Intake, clock: Clock, mut stop: watch::Receiver<bool>) {
    loop {
        let tried = tokio::select! {
            tried = try_some(&store, &intake) => tried,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match tried {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(count, at_us = clock.now_us(), "dead letters tried again");
                continue;
            }
            Err(Unfinished::Closed(_)) => return,
            Err(Unfinished::Store(error)) => tracing::warn!(%error, "dead letters cannot be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Tries the letters that are marked now, up to a page of them, and waits until what became of each is committed.
async fn try_some(store: &Store, intake: &Intake) -> Result<usize, Unfinished> {
    let letters = store.asked_letters().await?;
    let (inbox, mut count) = (AckInbox::new(), 0);
    for (token, letter) in (0..).zip(letters) {
        let room = intake.room(letter.payload.len()).await?;
        let ticket = Ticket::new(Arc::clone(&inbox), token);
        let Some((device, message)) = again(letter) else { continue };
        count += 1;
        intake.submit(Job { device, message, ticket, room }).await?;
    }
    let mut done = 0;
    while done < count {
        inbox.wait().await;
        done += inbox.take().tokens.len();
    }
    Ok(count)
}

/// The message of a letter as this version reads it; `None` for a device id that never was one.
fn again(letter: AskedLetter) -> Option<(DeviceId, Message)> {
    let AskedLetter { dead_letter_id, device_id, topic, payload } = letter;
    let device: DeviceId = device_id.parse().ok()?;
    let published = topics::published(&device, &topic);
    let dead =
        |reason: &str, payload| Message::Dead(DeadLetter { topic: topic.clone(), payload, reason: reason.to_owned() });
    let message = match published {
        Published::Up(Up::Hello | Up::Heartbeat | Up::State | Up::Reply | Up::Devices | Up::Alarm) => {
            dead("it told of a moment that is over: only readings are stored later", payload)
        }
        published => codec::decode(published, &topic, &payload),
    };
    Some((device, Message::Again(dead_letter_id, Box::new(message))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(what: &str, payload: &str) -> Message {
        let letter = AskedLetter {
            dead_letter_id: 7,
            device_id: "cu-01".into(),
            topic: format!("cellar/v1/cu-01/up/{what}"),
            payload: payload.into(),
        };
        match again(letter).unwrap().1 {
            Message::Again(7, message) => *message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn readings_are_read_again_and_words_of_a_moment_that_is_over_are_not() {
        let good = r#"{"boot":1,"seq":0,"for":{"battery":1},"at_us":[1],"columns":{"voltage_v":[1]}}"#;
        assert!(matches!(tried("samples", good), Message::Samples(_)));
        assert!(matches!(tried("samples", "{"), Message::Dead(_)));
        assert!(matches!(tried("clock", r#"{"boot":1,"tick_us":1,"at_us":2}"#), Message::Clock(_)));
        let state = r#"{"station":3,"state":"running"}"#;
        assert!(
            matches!(tried("state", state), Message::Dead(letter) if letter.reason.contains("a moment that is over"))
        );
    }
}
