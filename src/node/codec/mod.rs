//! From the bytes of a payload to a message the writer can store.
//!
//! Nothing is lost: what cannot be read, or cannot be used yet, becomes a dead letter with the reason.

mod number;
mod samples;
mod scan;
mod words;

use super::topics::{Published, Up};
use crate::ingest::intake::{DeadLetter, Message};

pub use samples::parse_batch;
pub use scan::Fault;

/// Decodes what a device published to its `topic`.
#[must_use]
pub fn decode(published: Published, topic: &str, payload: &[u8]) -> Message {
    let decoded = match published {
        Published::Up(Up::Samples) => parse_batch(payload).map(Message::samples).map_err(|fault| fault.to_string()),
        Published::Up(Up::Hello) => words::hello(payload).map(Message::Hello),
        Published::Up(Up::Heartbeat) => words::heartbeat(payload).map(Message::Heartbeat),
        Published::Up(Up::State) => words::station(payload).map(Message::Station),
        Published::Up(Up::Clock) => words::clock(payload).map(Message::Clock),
        Published::Up(Up::Devices) => words::devices(payload).map(Message::Devices),
        Published::Up(Up::Reply) => words::reply(payload).map(Message::Reply),
        Published::Up(Up::Alarm) => words::alarm(payload).map(Message::Alarm),
        Published::Up(Up::Dataset(_)) => {
            words::is_json(payload).and(Err("this version does not use these messages yet".to_owned()))
        }
        Published::Unknown => Err("this version does not know the topic".to_owned()),
        Published::Forbidden => Err("the device may not publish to this topic".to_owned()),
    };
    decoded.unwrap_or_else(|reason| {
        Message::Dead(DeadLetter { topic: topic.to_owned(), payload: payload.to_vec(), reason })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::topics::Dataset;

    fn reason(published: Published, payload: &[u8]) -> String {
        match decode(published, "t", payload) {
            Message::Dead(letter) => {
                assert_eq!((letter.topic.as_str(), letter.payload.as_slice()), ("t", payload));
                letter.reason
            }
            other => panic!("{other:?} is not a dead letter"),
        }
    }

    #[test]
    fn what_nobody_can_use_yet_is_kept_with_the_reason() {
        let up = Published::Up(Up::Dataset(Dataset::Mppt));
        assert!(reason(up, b"{}").contains("yet"));
        assert!(reason(up, b"{").contains("JSON"));
        assert!(reason(Published::Unknown, b"{}").contains("topic"));
    }

    #[test]
    fn an_unreadable_payload_is_kept_byte_for_byte() {
        assert!(reason(Published::Up(Up::Samples), b"\xff\x00").contains("UTF-8"));
        assert!(reason(Published::Up(Up::Hello), b"\xff\x00").contains("line 1"));
    }
}
