//! Stations: what a unit says of the place where a battery is cycled.

use serde::{Deserialize, Serialize};

/// What a station does, in the words of the protocol (`up/state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StationState {
    /// Free.
    Idle,
    /// Executing an experiment.
    Running,
    /// Holding an experiment, output off.
    Paused,
    /// Its experiment ran to the end.
    Finished,
    /// Its experiment was stopped.
    Stopped,
    /// It cannot work until somebody looks.
    Fault,
}

impl StationState {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Idle, "idle"),
        (Self::Running, "running"),
        (Self::Paused, "paused"),
        (Self::Finished, "finished"),
        (Self::Stopped, "stopped"),
        (Self::Fault, "fault"),
    ];

    /// The word used in the protocol and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("idle", |(_, word)| word)
    }

    /// The state of a stored word; `None` when this version does not know it.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(state, _)| *state)
    }
}
