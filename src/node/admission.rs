//! The way of a connection's messages into the writer's queue.
//!
//! When the queue has no room, the messages wait here, in order, while the connection goes on reading: a ping behind
//! them is answered at once. The window bounds how many wait.

use std::collections::VecDeque;
use std::pin::Pin;

use crate::domain::ids::DeviceId;
use crate::ingest::intake::{Closed, Intake, Job, Message, Room, Ticket};
use crate::node::codec;
use crate::node::guard::Guard;
use crate::node::topics::Published;

/// A message as it was received. It is decoded only once there is room, because decoding multiplies its size.
pub(super) struct Held<P> {
    pub(super) device: DeviceId,
    pub(super) published: Published,
    pub(super) topic: String,
    pub(super) payload: P,
    pub(super) token: u64,
    pub(super) ticket: Ticket,
}

impl<P: AsRef<[u8]>> Held<P> {
    fn message(&self) -> Message {
        codec::decode(self.published, &self.topic, self.payload.as_ref())
    }

    fn into_job(self, room: Room) -> Job {
        let message = self.message();
        Job { device: self.device, message, ticket: self.ticket, room }
    }
}

type Waiting = Pin<Box<dyn Future<Output = Result<(), Closed>> + Send>>;

/// The messages that wait for room, and the one at the head of the line.
pub(super) struct Admission<P> {
    intake: Intake,
    guard: Guard,
    /// The head of the line: its token, and its wait for room and a place in the queue.
    head: Option<(u64, Waiting)>,
    behind: VecDeque<Held<P>>,
}

impl<P: AsRef<[u8]> + Send + 'static> Admission<P> {
    pub(super) fn new(intake: Intake, guard: Guard) -> Self {
        Self { intake, guard, head: None, behind: VecDeque::new() }
    }

    /// Shows a message to the guard and hands it to the writer, or puts it at the end of the line.
    pub(super) fn offer(&mut self, held: Held<P>) {
        if self.head.is_some() {
            self.show(&held);
            self.behind.push_back(held);
        } else {
            self.admit(held, true);
        }
    }

    /// The guard does not wait for room. Only what concerns a run is decoded twice for it.
    fn show(&self, held: &Held<P>) {
        if self.guard.concerns(&held.device) {
            self.guard.heard(&held.device, &held.message());
        }
    }

    /// Waits until the line moves; for ever when there is none. Cancel safe: the place in the line is kept.
    ///
    /// # Errors
    /// [`Closed`] when the writer is gone.
    pub(super) async fn advance(&mut self) -> Result<(), Closed> {
        match &mut self.head {
            Some((_, waiting)) => waiting.as_mut().await?,
            None => std::future::pending().await,
        }
        self.head = None;
        while self.head.is_none()
            && let Some(held) = self.behind.pop_front()
        {
            self.admit(held, false);
        }
        Ok(())
    }

    /// Drops the line; the token of the first message that will not be stored.
    pub(super) fn abandon(&mut self) -> Option<u64> {
        self.behind.clear();
        self.head.take().map(|(token, _)| token)
    }

    fn admit(&mut self, held: Held<P>, is_news: bool) {
        let (intake, token) = (self.intake.clone(), held.token);
        let bytes = held.payload.as_ref().len();
        let Some(room) = self.intake.try_room(bytes) else {
            if is_news {
                self.show(&held);
            }
            let waiting = async move {
                let room = intake.room(bytes).await?;
                intake.submit(held.into_job(room)).await
            };
            self.head = Some((token, Box::pin(waiting)));
            return;
        };
        let job = held.into_job(room);
        if is_news {
            self.guard.heard(&job.device, &job.message);
        }
        if let Err(job) = self.intake.try_submit(job) {
            self.head = Some((token, Box::pin(async move { intake.submit(*job).await })));
        }
    }
}
