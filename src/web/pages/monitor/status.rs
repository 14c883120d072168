//! How a station or probe is, and where in the list it stands.

use crate::domain::station::StationState;

/// The groups of the list, trouble first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Somebody has to look.
    Attention,
    /// Executing an experiment.
    Running,
    /// Held by a person.
    Paused,
    /// Nothing to do.
    Free,
    /// Measuring heads, not driven by us.
    Probes,
}

impl Group {
    /// All groups in the order of the page.
    pub const ALL: [Self; 5] = [Self::Attention, Self::Running, Self::Paused, Self::Free, Self::Probes];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Attention => "Needs attention",
            Self::Running => "Running",
            Self::Paused => "Paused",
            Self::Free => "Free",
            Self::Probes => "Probes",
        }
    }

    /// Where a link inside the page finds it.
    #[must_use]
    pub fn anchor(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Free => "free",
            Self::Probes => "probes",
        }
    }

    /// Its icon.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Attention => LOOK.icon,
            Self::Running => RUNNING.icon,
            Self::Paused => PAUSED.icon,
            Self::Free => FREE.icon,
            Self::Probes => MEASURING.icon,
        }
    }
}

/// How a station or probe is: icon, word and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Name of the icon in the sprite.
    pub icon: &'static str,
    /// The word.
    pub word: &'static str,
    /// Colour class: `running`, `good`, `warning`, `alarm`, `away`.
    pub tone: &'static str,
}

pub(super) const RUNNING: Status = Status { icon: "player-play", word: "Running", tone: "running" };
pub(super) const PAUSED: Status = Status { icon: "player-pause", word: "Paused", tone: "warning" };
pub(super) const FINISHED: Status = Status { icon: "check", word: "Finished", tone: "good" };
pub(super) const STOPPED: Status = Status { icon: "hand-stop", word: "Stopped", tone: "away" };
pub(super) const FAULT: Status = Status { icon: "alert-octagon", word: "Fault", tone: "alarm" };
pub(super) const FREE: Status = Status { icon: "circle-dashed", word: "Free", tone: "away" };
pub(in crate::web::pages) const AWAY: Status = Status { icon: "plug-connected-x", word: "Away", tone: "away" };
pub(in crate::web::pages) const LOOK: Status = Status { icon: "alert-triangle", word: "Warning", tone: "warning" };
pub(super) const MEASURING: Status = Status { icon: "activity", word: "Measuring", tone: "running" };

/// Group and status of a station in a state, its unit silent or not.
pub(in crate::web::pages) fn judge(state: StationState, is_silent: bool) -> (Group, Status) {
    match state {
        StationState::Fault => (Group::Attention, FAULT),
        StationState::Running | StationState::Paused if is_silent => (Group::Attention, AWAY),
        StationState::Running => (Group::Running, RUNNING),
        StationState::Paused => (Group::Paused, PAUSED),
        StationState::Idle | StationState::Finished | StationState::Stopped if is_silent => (Group::Free, AWAY),
        StationState::Finished => (Group::Free, FINISHED),
        StationState::Stopped => (Group::Free, STOPPED),
        StationState::Idle => (Group::Free, FREE),
    }
}
