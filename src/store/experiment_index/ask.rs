//! What can be asked of the list of experiments, and what it answers.

use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, ExperimentId, ProfileId, StationId};

/// Values of a long filter that are shown at once; a find box leads to the others.
pub const FACET_VALUES_MAX: usize = 20;

/// What a list can be narrowed by, several values each; within one any value will do, all must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facet {
    /// Family of the battery.
    Technology,
    /// The battery.
    Battery,
    /// The station.
    Station,
    /// The profile.
    Profile,
    /// State of the experiment.
    Status,
    /// Tag.
    Tag,
}

impl Facet {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 6] = [Self::Technology, Self::Battery, Self::Station, Self::Profile, Self::Status, Self::Tag];

    /// The name of the parameter in an address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Technology => "technology",
            Self::Battery => "battery",
            Self::Station => "station",
            Self::Profile => "profile",
            Self::Status => "status",
            Self::Tag => "tag",
        }
    }

    /// The bit that says that an experiment does not fit this one.
    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Number: the order in which they were queued.
    #[default]
    Number,
    /// Name.
    Name,
    /// Name of the battery.
    Battery,
    /// Name of the station.
    Station,
    /// Name of the profile.
    Profile,
    /// When it began; what has not begun comes last.
    Started,
    /// How long it took, or takes so far; what has not begun comes last.
    Duration,
    /// State, in the order of a life.
    Status,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Number,
        Self::Name,
        Self::Battery,
        Self::Station,
        Self::Profile,
        Self::Started,
        Self::Duration,
        Self::Status,
    ];

    /// The word in an address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Name => "name",
            Self::Battery => "battery",
            Self::Station => "station",
            Self::Profile => "profile",
            Self::Started => "started",
            Self::Duration => "duration",
            Self::Status => "status",
        }
    }

    /// The order of a word; `None` when there is no such one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == word)
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// Picked values by facet, as in an address; values nobody knows fit nothing.
    pub picked: [Vec<String>; 6],
    /// Text that the values offered for a facet contain.
    pub find: [String; 6],
    /// Every word must be in the name, the description, a tag, the battery's name or be the number.
    pub text: String,
    /// Began at this moment or later, µs UTC.
    pub since_us: Option<i64>,
    /// Began before this moment, µs UTC.
    pub until_us: Option<i64>,
    /// Order.
    pub sort: Sort,
    /// Whether the order is turned round.
    pub descending: bool,
    /// Page, from 1; beyond the last one the last is given.
    pub page: usize,
    /// Experiments of a page, at least 1.
    pub per_page: usize,
}

/// A value of a facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// As in an address.
    pub key: String,
    /// As people read it.
    pub name: String,
    /// Experiments that fit all other filters and this value.
    pub count: usize,
    /// Whether it is picked.
    pub picked: bool,
}

/// What is offered for a facet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FacetAnswer {
    /// Picked ones first, then those with most experiments; at most [`FACET_VALUES_MAX`] besides the picked ones.
    pub values: Vec<FacetValue>,
    /// How many more there are.
    pub more: usize,
}

/// An experiment of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Key.
    pub experiment: ExperimentId,
    /// What people call it.
    pub name: String,
    /// The beginning of what a colleague should know.
    pub description: String,
    /// Sorted.
    pub tags: Vec<String>,
    /// Where it stands.
    pub state: ExperimentState,
    /// Why.
    pub reason: String,
    /// What is cycled.
    pub battery: BatteryId,
    /// Its name.
    pub battery_name: String,
    /// Where.
    pub station: StationId,
    /// Its name.
    pub station_name: String,
    /// How.
    pub profile: ProfileId,
    /// Its name.
    pub profile_name: String,
    /// When it was queued, µs UTC.
    pub created_at_us: i64,
    /// When it began, µs UTC.
    pub started_at_us: Option<i64>,
    /// When it ended, µs UTC.
    pub finished_at_us: Option<i64>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Experiments of the page.
    pub rows: Vec<Row>,
    /// Experiments that fit.
    pub total: usize,
    /// Experiments there are.
    pub all: usize,
    /// The page given, from 1.
    pub page: usize,
    /// Pages, at least 1.
    pub pages: usize,
    /// What is offered, in the order of [`Facet::ALL`].
    pub facets: [FacetAnswer; 6],
    /// All experiments by state, in the order of [`ExperimentState::ALL`].
    pub by_state: [usize; 12],
}

impl Answer {
    /// How many experiments there are in a state, whatever is asked.
    #[must_use]
    pub fn in_state(&self, state: ExperimentState) -> usize {
        let place = ExperimentState::ALL.iter().position(|(known, _)| *known == state);
        place.map_or(0, |place| self.by_state[place])
    }
}
