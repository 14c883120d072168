//! The sender: takes commands from the outbox to the devices, until each is answered or its time has passed.
//!
//! A command is sent first and noted as sent afterwards. A server that is killed in between sends it again when it is back,
//! which devices expect: the same `command_id` is done once and answered each time.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::endpoint::{Letter, Registry};
use super::leader::Term;
use super::topics::Down;
use crate::clock::Clock;
use crate::domain::ids::{CommandId, DeviceId};
use crate::store::lease::LEADER;
use crate::store::outbox::Command;
use crate::store::{Store, StoreError, failpoint};

/// How often the outbox is looked at: somebody who pressed a button waits for it.
const PERIOD: Duration = Duration::from_millis(250);
/// How long a device has to answer before it is told again, µs: several tries within the shortest expiry.
const RESEND_US: i64 = 3_000_000;
/// Commands read at a time.
const COMMANDS_MAX: i64 = 200;

/// A way to devices.
pub trait Post: Send + Sync + 'static {
    /// Hands `down/command` to a device. `false` when it cannot be reached now; `true` does not mean that it arrived.
    fn send(&self, device: &DeviceId, payload: Vec<u8>) -> bool;

    /// Whether every device can be reached this way, in contrast to those that are connected to this very process.
    fn reaches_all(&self) -> bool;
}

impl Post for Registry {
    fn send(&self, device: &DeviceId, payload: Vec<u8>) -> bool {
        Self::send(self, device, Letter { topic: Down::Command.topic(device), payload }).is_ok()
    }

    fn reaches_all(&self) -> bool {
        false
    }
}

/// The sender of one node.
pub struct Sender<P> {
    store: Store,
    post: P,
    clock: Clock,
    term: watch::Receiver<Option<Term>>,
}

impl<P: Post> Sender<P> {
    /// A sender that knows whether its server leads.
    #[must_use]
    pub fn new(store: Store, post: P, clock: Clock, term: watch::Receiver<Option<Term>>) -> Self {
        Self { store, post, clock, term }
    }

    /// Works until `stop` is true (or its sender is gone).
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            match self.send_what_is_due().await {
                Ok(()) => is_failing = false,
                Err(error) if !is_failing => {
                    is_failing = true;
                    tracing::warn!(error = &error as &dyn std::error::Error, "commands cannot be read, trying again");
                }
                Err(_) => {}
            }
        }
    }

    /// The epoch to send with; `None` while sending is another server's work.
    ///
    /// Behind a broker the leader sends. A device that is connected to a server itself can be reached by that one alone: it
    /// sends whether it leads or not, with the epoch of the leader as the database knows it.
    async fn epoch(&self) -> Result<Option<i64>, StoreError> {
        let term = *self.term.borrow();
        match term {
            Some(Term { epoch }) => Ok(Some(epoch)),
            None if self.post.reaches_all() => Ok(None),
            None => Ok(Some(self.store.lease(LEADER).await?.epoch)),
        }
    }

    /// Sends once whatever is due, the oldest command first.
    async fn send_what_is_due(&self) -> Result<(), StoreError> {
        let Some(epoch) = self.epoch().await? else { return Ok(()) };
        let now_us = self.clock.now_us();
        // Commands that were sent before they were stored have negative numbers.
        let mut after = CommandId(i64::MIN);
        let (mut has_more, mut has_late) = (true, false);
        while has_more {
            let due = self.store.due_commands(after, now_us, RESEND_US, COMMANDS_MAX).await?;
            has_more = i64::try_from(due.len()).is_ok_and(|count| count == COMMANDS_MAX);
            for command in &due {
                after = command.command_id;
                let is_late = command.expires_at_us.is_some_and(|expires_at_us| expires_at_us <= now_us);
                has_late |= is_late;
                if is_late {
                    continue;
                }
                failpoint!(&command.verb, "before-send");
                if self.post.send(&command.device, payload(command, epoch)) {
                    failpoint!(&command.verb, "after-send");
                    tracing::info!(device = %command.device, command = %command.command_id, verb = command.verb, "command sent");
                    self.store.command_sent(command, now_us).await?;
                    failpoint!(&command.verb, "noted");
                }
            }
        }
        // The usual look at the outbox writes nothing.
        if has_late {
            self.store.expire_commands(now_us).await?;
        }
        Ok(())
    }
}

/// A command as it is sent.
fn payload(command: &Command, epoch: i64) -> Vec<u8> {
    let mut message = Map::new();
    message.insert("command_id".to_owned(), command.command_id.0.into());
    message.insert("epoch".to_owned(), epoch.into());
    if let Some(expires_at_us) = command.expires_at_us {
        message.insert("expires_at_us".to_owned(), expires_at_us.into());
    }
    message.insert("verb".to_owned(), command.verb.clone().into());
    if let Value::Object(more) = &command.payload {
        message.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Value::Object(message).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::domain::audit::Actor;
    use crate::domain::command::{CommandResult, CommandState, DETECT_US};
    use crate::domain::message::Reply;

    /// Devices that are there, and what reached them.
    #[derive(Clone, Default)]
    struct Desk {
        there: Arc<Mutex<Vec<DeviceId>>>,
        is_broker: bool,
        sent: Arc<Mutex<Vec<Value>>>,
    }

    impl Post for Desk {
        fn send(&self, device: &DeviceId, payload: Vec<u8>) -> bool {
            let is_there = self.there.lock().unwrap().contains(device);
            if is_there {
                self.sent.lock().unwrap().push(serde_json::from_slice(&payload).unwrap());
            }
            is_there
        }

        fn reaches_all(&self) -> bool {
            self.is_broker
        }
    }

    struct Bench {
        _folder: tempfile::TempDir,
        store: Store,
        desk: Desk,
        unit: DeviceId,
    }

    impl Bench {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open_file(&folder.path().join("db")).await.unwrap();
            store.migrate().await.unwrap();
            Self { _folder: folder, store, desk: Desk::default(), unit: "cu-1".parse().unwrap() }
        }

        async fn look(&self, now_us: i64, epoch: i64) -> Vec<Value> {
            self.look_in(now_us, Some(Term { epoch })).await
        }

        async fn look_in(&self, now_us: i64, term: Option<Term>) -> Vec<Value> {
            let clock = Clock::Manual(Arc::new(now_us.into()));
            let sender = Sender::new(self.store.clone(), self.desk.clone(), clock, watch::channel(term).1);
            sender.send_what_is_due().await.unwrap();
            std::mem::take(&mut *self.desk.sent.lock().unwrap())
        }

        async fn answer(&self, command_id: CommandId, result: CommandResult, now_us: i64) {
            let mut group = self.store.begin_group().await.unwrap();
            let reply = Reply { command_id, result, reason: None, limits: None };
            group.note_reply(&self.unit, &reply, now_us).await.unwrap();
            group.commit().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_command_is_sent_until_it_is_answered() {
        let bench = Bench::new().await;
        let id = bench.store.ask_detect(&Actor::server("test"), &bench.unit, 0).await.unwrap();
        // Nobody is there: it waits.
        assert!(bench.look(1, 4).await.is_empty());
        bench.desk.there.lock().unwrap().push(bench.unit.clone());
        let sent = bench.look(2, 4).await;
        let expected =
            serde_json::json!({"command_id": id.0, "epoch": 4, "expires_at_us": DETECT_US, "verb": "detect"});
        assert_eq!(sent, [expected]);
        assert!(bench.look(3, 4).await.is_empty(), "the device has time to answer");
        // A server that was killed meanwhile: the next one says it again, in its own term.
        let again = bench.look(2 + RESEND_US, 5).await;
        assert_eq!((again.len(), again[0]["epoch"].as_i64()), (1, Some(5)));
        bench.answer(id, CommandResult::Executed, 9).await;
        assert!(bench.look(2 + 3 * RESEND_US, 5).await.is_empty());
        let command = bench.store.command(id).await.unwrap().unwrap();
        assert_eq!((command.state, command.sent_count), (CommandState::Executed, 2));
    }

    #[tokio::test]
    async fn a_command_whose_time_has_passed_is_not_sent_and_a_late_answer_still_counts() {
        let bench = Bench::new().await;
        bench.desk.there.lock().unwrap().push(bench.unit.clone());
        let id = bench.store.ask_detect(&Actor::server("test"), &bench.unit, 0).await.unwrap();
        assert!(bench.look(DETECT_US, 1).await.is_empty());
        let state = async || bench.store.command(id).await.unwrap().unwrap().state;
        assert_eq!(state().await, CommandState::Expired);
        bench.answer(id, CommandResult::Executed, DETECT_US + 1).await;
        assert_eq!(state().await, CommandState::Executed);
        // The first answer that ended it stands.
        bench.answer(id, CommandResult::Rejected, DETECT_US + 2).await;
        assert_eq!(state().await, CommandState::Executed);
    }

    #[tokio::test]
    async fn a_server_that_does_not_lead_sends_only_to_those_connected_to_itself_in_the_epoch_of_the_leader() {
        let mut bench = Bench::new().await;
        let free = bench.store.lease(LEADER).await.unwrap();
        bench.store.take_lease(LEADER, &free, "somebody", 1).await.unwrap();
        bench.desk.there.lock().unwrap().push(bench.unit.clone());
        bench.store.ask_detect(&Actor::server("test"), &bench.unit, 0).await.unwrap();
        bench.desk.is_broker = true;
        assert!(bench.look_in(1, None).await.is_empty());
        bench.desk.is_broker = false;
        let sent = bench.look_in(1, None).await;
        assert_eq!((sent.len(), sent[0]["epoch"].as_i64()), (1, Some(1)));
    }

    #[tokio::test]
    async fn commands_to_those_away_do_not_hold_up_the_others() {
        let bench = Bench::new().await;
        for number in 0..=COMMANDS_MAX {
            let away = format!("away-{number}").parse().unwrap();
            bench.store.ask_detect(&Actor::server("test"), &away, 0).await.unwrap();
        }
        bench.desk.there.lock().unwrap().push(bench.unit.clone());
        bench.store.ask_detect(&Actor::server("test"), &bench.unit, 0).await.unwrap();
        assert_eq!(bench.look(1, 1).await.len(), 1);
    }

    #[tokio::test]
    async fn asked_twice_a_unit_is_told_once() {
        let bench = Bench::new().await;
        let by = Actor::server("test");
        let first = bench.store.ask_detect(&by, &bench.unit, 0).await.unwrap();
        assert_eq!(bench.store.ask_detect(&by, &bench.unit, 5).await.unwrap(), first);
        assert_ne!(bench.store.ask_detect(&by, &bench.unit, DETECT_US).await.unwrap(), first);
    }
}
