//! Experiments: one run of a profile on a battery at a station.

use serde::{Deserialize, Serialize};

/// Where an experiment stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExperimentState {
    /// Being written, not yet to be run.
    Draft,
    /// Waiting for its station.
    Queued,
    /// Sent to the station, not yet confirmed.
    Starting,
    /// The station executes its steps.
    Running,
    /// Held by a person; the output is off.
    Paused,
    /// The last step ended, results are still arriving.
    Finishing,
    /// All steps done.
    Finished,
    /// A stop was ordered, not yet confirmed.
    Stopping,
    /// Ended by a person before its last step.
    Stopped,
    /// The station fell silent while it ran.
    CommsLost,
    /// A limit or the station ended it.
    Fault,
    /// Given up before it ran.
    Aborted,
}

impl ExperimentState {
    /// Every state with its word, in the order of a life.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Draft, "draft"),
        (Self::Queued, "queued"),
        (Self::Starting, "starting"),
        (Self::Running, "running"),
        (Self::Paused, "paused"),
        (Self::Finishing, "finishing"),
        (Self::Finished, "finished"),
        (Self::Stopping, "stopping"),
        (Self::Stopped, "stopped"),
        (Self::CommsLost, "comms_lost"),
        (Self::Fault, "fault"),
        (Self::Aborted, "aborted"),
    ];

    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("draft", |(_, word)| word)
    }

    /// The state of a stored word; `None` when this version does not know it.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(state, _)| *state)
    }

    /// Whether nothing more will happen to the experiment.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Stopped | Self::Fault | Self::Aborted)
    }
}
