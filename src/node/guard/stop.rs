//! A stop on its way: sent at once, repeated until the station is known to be off.

use std::time::Duration;

use serde_json::json;

use crate::domain::command::Verb;
use crate::domain::ids::{CommandId, DeviceId, ExperimentId, StationId};
use crate::domain::safety::Code;
use crate::store::alarms::Source;

/// How often a stop is repeated until it is confirmed.
const REPEAT: Duration = Duration::from_secs(1);
/// A unit that is away for long is told less often: it is told at once when it is back, by the next of these.
const REPEAT_LATER: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(60);
/// A stop that is not confirmed after so long is an alarm of its own: somebody must go and look.
const OVERDUE: Duration = Duration::from_secs(10);

/// Why a station is stopped.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cause {
    /// A rule of the watch.
    Rule { code: Code, message: String },
    /// Somebody pressed the emergency stop.
    Emergency { by: String },
}

/// A stop of one station.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stop {
    pub(super) command: CommandId,
    pub(super) device: DeviceId,
    pub(super) station: StationId,
    pub(super) experiment: Option<ExperimentId>,
    pub(super) cause: Cause,
    pub(super) first_at: Duration,
    pub(super) first_us: i64,
    /// Whether it ever left.
    pub(super) was_sent: bool,
    sent_at: Duration,
    confirmed_at: Option<Duration>,
    refusal: Option<String>,
    is_overdue: bool,
}

impl Stop {
    pub(super) fn new(
        command: CommandId,
        device: DeviceId,
        station: StationId,
        experiment: Option<ExperimentId>,
        cause: Cause,
        now: Duration,
        now_us: i64,
    ) -> Self {
        Self {
            command,
            device,
            station,
            experiment,
            cause,
            first_at: now,
            first_us: now_us,
            was_sent: false,
            sent_at: now,
            confirmed_at: None,
            refusal: None,
            is_overdue: false,
        }
    }

    /// `down/command`.
    pub(super) fn payload(&self, epoch: i64) -> Vec<u8> {
        let mut message = json!({
            "command_id": self.command,
            "epoch": epoch,
            "verb": Verb::Stop.as_str(),
            "station": self.station,
            "reason": self.reason(),
        });
        // An emergency stop is for whatever runs there, also what began this very moment.
        if let (Some(experiment), Cause::Rule { .. }) = (self.experiment, &self.cause)
            && let Some(message) = message.as_object_mut()
        {
            message.insert("experiment".to_owned(), json!(experiment));
        }
        message.to_string().into_bytes()
    }

    /// Why, in words.
    pub(super) fn reason(&self) -> String {
        match &self.cause {
            Cause::Rule { message, .. } => message.clone(),
            Cause::Emergency { by } => format!("Emergency stop by {by}"),
        }
    }

    /// Who stops.
    pub(super) fn actor(&self) -> &str {
        match &self.cause {
            Cause::Rule { .. } => "watch",
            Cause::Emergency { by } => by,
        }
    }

    /// Where alarms about it come from.
    pub(super) fn source(&self) -> Source {
        match self.experiment {
            Some(experiment) => {
                Source { experiment: Some(experiment), station: Some(self.station), device: Some(self.device.clone()) }
            }
            None => Source { experiment: None, station: Some(self.station), device: Some(self.device.clone()) },
        }
    }

    pub(super) fn sent(&mut self, now: Duration, was_sent: bool) {
        self.sent_at = now;
        self.was_sent |= was_sent;
    }

    /// Whether it is to be sent again.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        let every = if now.saturating_sub(self.first_at) < LATER { REPEAT } else { REPEAT_LATER };
        self.confirmed_at.is_none() && now.saturating_sub(self.sent_at) >= every
    }

    /// The station is off; `false` when that was known.
    pub(super) fn confirm(&mut self, now: Duration) -> bool {
        let is_news = self.confirmed_at.is_none();
        self.confirmed_at.get_or_insert(now);
        is_news
    }

    pub(super) fn confirmed_at(&self) -> Option<Duration> {
        self.confirmed_at
    }

    pub(super) fn is_confirmed(&self) -> bool {
        self.confirmed_at.is_some()
    }

    /// The unit will not do it; it is told again all the same.
    pub(super) fn refused(&mut self, reason: &str) {
        tracing::error!(station = %self.station, device = %self.device, reason, "a stop was refused");
        self.refusal = Some(reason.to_owned());
    }

    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Whether it has just become overdue.
    pub(super) fn becomes_overdue(&mut self, now: Duration) -> bool {
        let is_news = !self.is_overdue && self.confirmed_at.is_none() && now.saturating_sub(self.first_at) >= OVERDUE;
        self.is_overdue |= is_news;
        is_news
    }

    pub(super) fn is_overdue(&self) -> bool {
        self.is_overdue
    }

    /// Whether a report of an experiment, or of none, is about what was stopped.
    pub(super) fn is_about(&self, experiment: Option<ExperimentId>) -> bool {
        experiment.is_none() || self.experiment.is_none() || experiment == self.experiment
    }
}
