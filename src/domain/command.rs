//! Commands: what a device is told to do, and what becomes of it.

use serde::{Deserialize, Serialize};

/// How long a unit may take to look for its instruments, µs; then the page says that it did not answer.
pub const DETECT_US: i64 = 20_000_000;

/// What a device can be told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Look for instruments and report them.
    Detect,
    /// Drive these stations and no others, and report the state of each.
    Stations,
    /// Execute a run.
    Start,
    /// End a run and switch the output off. It never expires.
    Stop,
    /// Hold a run, output off.
    Pause,
    /// Go on with a run that is held.
    Resume,
    /// Report the state of a station, or of all.
    GetState,
    /// Go on: the server is there. Renews the lease of the unit's runs.
    Renew,
}

impl Verb {
    /// The word in the database and in `down/command`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Stations => "stations",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::GetState => "get_state",
            Self::Renew => "renew",
        }
    }
}

/// Where a command stands between the page that asked for it and the device that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Stored, not yet sent.
    Queued,
    /// Sent at least once; nothing was heard yet.
    Sent,
    /// The device will do it and tell later how it went.
    Accepted,
    /// Done.
    Executed,
    /// The device will not do it.
    Rejected,
    /// Its time passed without an answer.
    Expired,
}

impl CommandState {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Queued, "queued"),
        (Self::Sent, "sent"),
        (Self::Accepted, "accepted"),
        (Self::Executed, "executed"),
        (Self::Rejected, "rejected"),
        (Self::Expired, "expired"),
    ];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("queued", |(_, word)| word)
    }

    /// The state of a stored word; `None` when this version does not know it.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(state, _)| *state)
    }

    /// Whether an answer may still come that changes it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sent | Self::Accepted)
    }
}

/// What a device says of a command (`up/reply`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandResult {
    /// It will be done; a later reply tells how it went.
    Accepted,
    /// It is done.
    Executed,
    /// It will not be done.
    Rejected,
}

impl CommandResult {
    /// The state a command gets by this answer.
    #[must_use]
    pub fn state(self) -> CommandState {
        match self {
            Self::Accepted => CommandState::Accepted,
            Self::Executed => CommandState::Executed,
            Self::Rejected => CommandState::Rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_back_from_its_word() {
        for (state, word) in CommandState::ALL {
            assert_eq!((state.as_str(), CommandState::from_word(word)), (word, Some(state)));
        }
        assert_eq!(CommandState::from_word("lost"), None);
    }

    #[test]
    fn an_answer_that_ends_a_command_leaves_nothing_to_wait_for() {
        assert!(CommandResult::Accepted.state().is_open());
        assert!(!CommandResult::Executed.state().is_open() && !CommandResult::Rejected.state().is_open());
    }
}
