//! Experiments: one run of a profile on a battery at a station.

use serde::{Deserialize, Serialize};

use super::text::line;

/// Longest name of an experiment, in characters.
pub const NAME_MAX: usize = 80;
/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 2_000;
/// Longest tag, in characters.
pub const TAG_MAX: usize = 32;
/// Most tags of one experiment.
pub const TAGS_MAX: usize = 10;
/// Longest text on an electrolyte, in characters.
pub const ELECTROLYTE_MAX: usize = 80;

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

    /// The state as people read it: “No message”, “Finished”.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Queued => "Queued",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Paused => "Paused",
            Self::Finishing => "Finishing",
            Self::Finished => "Finished",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::CommsLost => "No message",
            Self::Fault => "Fault",
            Self::Aborted => "Cancelled",
        }
    }

    /// Whether it only waits: it can be cancelled and moved in the queue.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Draft | Self::Queued)
    }

    /// Whether nothing more will happen to the experiment.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Stopped | Self::Fault | Self::Aborted)
    }
}

/// The electrolyte on one side of a redox-flow stack.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Electrolyte {
    /// What it is: “All-vanadium, 1.6 mol/L”.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub composition: String,
    /// Volume in the tank, L.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_l: Option<f64>,
    /// Lowest flow, L/min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_min_l_per_min: Option<f64>,
    /// Highest flow, L/min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_max_l_per_min: Option<f64>,
    /// State of charge at the beginning, %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soc_pct: Option<f64>,
}

/// The electrolytes of a redox-flow stack.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Electrolytes {
    /// On the negative side.
    pub negative: Electrolyte,
    /// On the positive side.
    pub positive: Electrolyte,
}

/// Why a list of tags cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTags {
    /// One of them is too long.
    #[error("The tag “{0}” is too long. Use {TAG_MAX} characters or fewer.")]
    TooLong(String),
    /// There are too many.
    #[error("{0} tags are too many. Use {TAGS_MAX} or fewer.")]
    TooMany(usize),
}

/// The tags in a text with commas between them: each once, sorted.
///
/// # Errors
/// When one is too long, or there are too many.
pub fn tags(typed: &str) -> Result<Vec<String>, BadTags> {
    let mut tags: Vec<String> = typed.split([',', ';', '\n']).map(line).filter(|tag| !tag.is_empty()).collect();
    tags.sort_unstable();
    tags.dedup();
    if let Some(long) = tags.iter().find(|tag| tag.chars().count() > TAG_MAX) {
        return Err(BadTags::TooLong(long.chars().take(TAG_MAX).collect()));
    }
    if tags.len() > TAGS_MAX { Err(BadTags::TooMany(tags.len())) } else { Ok(tags) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_stand_once() {
        assert_eq!(
            tags(" warm, ageing,,warm ;\u{202e}25 °C"),
            Ok(vec!["25 °C".into(), "ageing".into(), "warm".into()])
        );
        assert_eq!(tags(""), Ok(vec![]));
        assert!(tags(&"x".repeat(TAG_MAX + 1)).unwrap_err().to_string().contains("32 characters"));
        let many: Vec<String> = (0..=TAGS_MAX).map(|tag| tag.to_string()).collect();
        assert_eq!(tags(&many.join(",")), Err(BadTags::TooMany(11)));
    }

    #[test]
    fn empty_electrolyte_fields_are_not_written() {
        let water = Electrolyte { volume_l: Some(0.25), ..Electrolyte::default() };
        let text = serde_json::to_string(&Electrolytes { positive: water, ..Electrolytes::default() }).unwrap();
        assert_eq!(text, r#"{"negative":{},"positive":{"volume_l":0.25}}"#);
    }
}
