//! The guard: watches every run from memory and stops it without asking anybody.
//!
//! Each message is shown to it before the queue to the database, so that neither a full queue nor a database that is away
//! delays a stop. What it did is written down when the database answers. Whichever server hears a device guards it, whether
//! it leads or not: a stop is always safe.

mod patrol;
mod record;
mod stop;
mod table;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use self::record::Diary;
use self::stop::{Cause, Stop};
use self::table::{Run, Table};
use super::leader::Epoch;
use super::sender::Post;
use crate::clock::Clock;
use crate::domain::command::CommandResult;
use crate::domain::ids::{CommandId, DeviceId, ExperimentId, StationId};
use crate::domain::message::Reply;
use crate::domain::safety::{Code, Finding, Hearing, Phase, Severity};
use crate::domain::sample::{Batch, Subject};
use crate::domain::station::StationState;
use crate::ingest::intake::Message;
use crate::ingest::lookout::{Lookout, Output, Scope};
use crate::store::alarms::NewAlarm;

/// The guard of one process. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    epoch: Epoch,
    /// Moments count from here.
    started: Instant,
    /// Time that tests did not wait for, ms.
    #[cfg(test)]
    skipped_ms: std::sync::atomic::AtomicU64,
    post: OnceLock<Box<dyn Post>>,
    state: Mutex<State>,
    /// There is something to be written down.
    news: Notify,
}

/// What the guard knows.
struct State {
    table: Table,
    diary: Diary,
    /// The last number given to a stop: they go down.
    last_command: i64,
    looked_at: Duration,
    /// Whether the watch is known to have slept.
    is_late: bool,
}

impl Guard {
    /// A guard that knows of no run yet.
    #[must_use]
    pub fn new(clock: Clock, epoch: Epoch) -> Self {
        let last_command = -clock.now_us();
        let state = State {
            table: Table::default(),
            diary: Diary::default(),
            last_command,
            looked_at: Duration::ZERO,
            is_late: false,
        };
        Self {
            inner: Arc::new(Inner {
                clock,
                epoch,
                started: Instant::now(),
                #[cfg(test)]
                skipped_ms: Default::default(),
                post: OnceLock::new(),
                state: Mutex::new(state),
                news: Notify::new(),
            }),
        }
    }

    /// The way to the devices; the first one counts.
    pub fn connect(&self, post: impl Post) {
        let _ = self.inner.post.set(Box::new(post));
    }

    /// Whether anything a device says matters to it.
    #[must_use]
    pub fn concerns(&self, device: &DeviceId) -> bool {
        self.state().table.concerns(device)
    }

    /// Looks at a message before it goes anywhere else. What must be stopped is stopped before this returns.
    pub fn heard(&self, device: &DeviceId, message: &Message) {
        let now = self.now();
        let mut state = self.state();
        if !state.table.concerns(device) {
            return;
        }
        match message {
            Message::Samples(packed) => self.samples(&mut state, device, packed.batch(), now),
            Message::Station(report) => {
                state.table.unit_heard(device, now);
                let is_off = matches!(
                    report.state,
                    StationState::Idle | StationState::Finished | StationState::Stopped | StationState::Fault
                );
                if is_off && let Some(stop) = state.table.stop_of(report.station, device) {
                    // A report of another experiment says nothing of this one.
                    if stop.is_about(report.experiment) && stop.confirm(now) {
                        let stop = stop.clone();
                        self.confirmed(&mut state, &stop);
                    }
                }
            }
            Message::Reply(reply) => {
                state.table.unit_heard(device, now);
                self.reply(&mut state, device, reply, now);
            }
            Message::Hello(_) | Message::Heartbeat(_) | Message::Devices(_) | Message::Clock(_) | Message::Alarm(_) => {
                state.table.unit_heard(device, now);
            }
            // What is read again was said long ago.
            Message::Again(..) | Message::Dead(_) => {}
        }
    }

    fn samples(&self, state: &mut State, device: &DeviceId, batch: &Batch, now: Duration) {
        state.table.unit_heard(device, now);
        let (experiment, found) = match batch.subject {
            Subject::Experiment(experiment) => {
                let Some(run) = state.table.run_of(experiment, device) else { return };
                (experiment, run.measured(batch, now))
            }
            Subject::Battery(battery) => {
                let Some(run) = state.table.run_on(battery) else { return };
                (run.open.experiment, run.probed(device, batch))
            }
        };
        self.act(state, experiment, found, now);
    }

    /// Follows findings: alarms, and a stop if one of them asks for it.
    fn act(&self, state: &mut State, experiment: ExperimentId, found: Vec<Finding>, now: Duration) {
        for finding in found {
            let Some(run) = state.table.run_mut(experiment) else { return };
            let source = run.source();
            let (station, device) = (run.open.station, run.open.device.clone());
            match finding {
                Finding::Cleared(code) => {
                    // Nothing is written of what was never wrong.
                    if run.raised.remove(&code) {
                        state.diary.clear(source, code);
                    }
                }
                Finding::Raised(breach) => {
                    // What is long past is over when it is told.
                    if breach.is_late && run.raised.contains(&breach.code) {
                        continue;
                    }
                    let is_past = breach.is_late;
                    if !is_past {
                        run.raised.insert(breach.code);
                    }
                    let stops = breach.code.stops() && !breach.is_late;
                    let message = if breach.is_late {
                        format!("{} (measured earlier, delivered now)", breach.message)
                    } else {
                        breach.message.clone()
                    };
                    state.diary.raise(NewAlarm {
                        source: source.clone(),
                        severity: breach.code.severity(),
                        code: breach.code.as_str().to_owned(),
                        message,
                        value: breach.value,
                        limit: breach.limit,
                        at_us: self.inner.clock.now_us(),
                        is_late: breach.is_late,
                    });
                    if is_past {
                        state.diary.clear(source, breach.code);
                    }
                    if stops {
                        let cause = Cause::Rule { code: breach.code, message: breach.message };
                        self.stop(state, station, &device, Some(experiment), cause, now);
                    }
                }
            }
        }
        if !state.diary.is_empty() {
            self.inner.news.notify_one();
        }
    }

    /// Stops a station: now, and again until it is confirmed.
    fn stop(
        &self,
        state: &mut State,
        station: StationId,
        device: &DeviceId,
        experiment: Option<ExperimentId>,
        cause: Cause,
        now: Duration,
    ) {
        if state.table.stop_of(station, device).is_some_and(|stop| stop.is_about(experiment) && !stop.is_confirmed()) {
            return;
        }
        let now_us = self.inner.clock.now_us();
        state.last_command = (state.last_command - 1).min(-now_us);
        let command = CommandId(state.last_command);
        let mut stop = Stop::new(command, device.clone(), station, experiment, cause, now, now_us);
        self.send(&mut stop, now);
        tracing::warn!(%station, %device, %command, reason = stop.reason(), was_sent = stop.was_sent, "stop");
        state.diary.stop(stop.clone());
        state.table.set_stop(stop);
        self.inner.news.notify_one();
    }

    fn send(&self, stop: &mut Stop, now: Duration) {
        let payload = stop.payload(self.inner.epoch.get());
        let was_sent = self.inner.post.get().is_some_and(|post| post.send(&stop.device, payload));
        stop.sent(now, was_sent);
    }

    fn reply(&self, state: &mut State, device: &DeviceId, reply: &Reply, now: Duration) {
        let Some(stop) = state.table.stop_numbered(reply.command_id, device) else { return };
        match reply.result {
            CommandResult::Executed => {
                if stop.confirm(now) {
                    let stop = stop.clone();
                    self.confirmed(state, &stop);
                }
            }
            CommandResult::Rejected => {
                stop.refused(reply.reason.as_deref().unwrap_or("without a reason"));
            }
            CommandResult::Accepted => {}
        }
    }

    fn confirmed(&self, state: &mut State, stop: &Stop) {
        tracing::info!(station = %stop.station, device = %stop.device, command = %stop.command, "stop confirmed");
        state.diary.confirmed(stop, self.inner.clock.now_us());
        if stop.is_overdue() {
            state.diary.clear(stop.source(), Code::StopUnconfirmed);
        }
        self.inner.news.notify_one();
    }

    fn now(&self) -> Duration {
        let now = self.inner.started.elapsed();
        #[cfg(test)]
        let now = now + Duration::from_millis(self.inner.skipped_ms.load(std::sync::atomic::Ordering::Relaxed));
        now
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is to say of a run that is late, silent or heard again.
    fn hearing(&self, run: &Run, hearing: Hearing, phase: Phase, now: Duration) -> Vec<Finding> {
        let silence_s = run.pulse.silence(now).as_secs();
        let breach = |code: Code, message: String| {
            #[expect(clippy::cast_precision_loss, reason = "seconds of silence")]
            let (value, limit) = (Some(silence_s as f64), Some(run.pulse.silent_after().as_secs_f64()));
            Finding::Raised(crate::domain::safety::Breach { code, value, limit, message, is_late: false })
        };
        match (hearing, phase) {
            (Hearing::Late, _) => vec![breach(Code::Late, format!("Nothing measured for {silence_s} s"))],
            (Hearing::Silent, Phase::Running) => vec![
                Finding::Cleared(Code::Late),
                breach(Code::Silent, format!("No message for {silence_s} s: stopped, not resumed by itself")),
            ],
            (Hearing::Silent, _) => vec![breach(Code::Away, format!("Unit {} says nothing", run.open.device))],
            (Hearing::Fine, _) => [Code::Late, Code::Silent, Code::Away].map(Finding::Cleared).to_vec(),
        }
    }
}

impl Lookout for Guard {
    fn halt(&self, scope: &Scope, by: &str) -> Vec<Output> {
        let now = self.now();
        let mut state = self.state();
        for place in state.table.places(scope) {
            let cause = Cause::Emergency { by: by.to_owned() };
            self.stop(&mut state, place.station, &place.unit, place.experiment, cause, now);
        }
        let outputs = state.table.outputs(now);
        outputs.into_iter().filter(|output| scope.covers(output.station.0, &output.unit)).collect()
    }

    fn outputs(&self) -> Vec<Output> {
        self.state().table.outputs(self.now())
    }

    fn unstored(&self) -> Vec<NewAlarm> {
        self.state().diary.unstored()
    }

    fn looked(&self) -> Duration {
        let looked_at = self.state().looked_at;
        self.now().saturating_sub(looked_at)
    }
}

/// An alarm of the server itself.
fn of_server(code: Code, severity: Severity, message: String, now_us: i64) -> NewAlarm {
    NewAlarm {
        source: crate::store::alarms::Source::default(),
        severity,
        code: code.as_str().to_owned(),
        message,
        value: None,
        limit: None,
        at_us: now_us,
        is_late: false,
    }
}
