//! Units: the computers that drive stations, and the instruments they found.

pub mod ask;
pub mod detect;
pub mod list;
pub mod show;

use super::monitor::line::UNIT_SILENT_US;
use super::monitor::numbers::duration_words;
use super::monitor::status::{AWAY, Status};
use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::store::devices::Device;
use crate::web::{State, WebError};

const CONNECTED: Status = Status { icon: "plug-connected", word: "Connected", tone: "running" };
const DISABLED: Status = Status { icon: "ban", word: "Disabled", tone: "away" };
const NEVER: Status = Status { icon: "plug-connected-x", word: "Never seen", tone: "away" };

/// Badges of instruments.
const THERE: Status = Status { icon: "circle-check", word: "There", tone: "good" };
const ABSENT: Status = Status { icon: "plug-connected-x", word: "Absent", tone: "away" };

/// How a unit can be reached: a badge, and for how long it was not heard, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The badge.
    pub status: Status,
    /// `No message for 3 min 12 s`; empty while it is heard.
    pub silence: String,
}

impl Reach {
    /// Of a unit last heard at `seen_at_us`.
    #[must_use]
    pub fn new(seen_at_us: Option<i64>, disabled: bool, now_us: i64) -> Self {
        let silent_us = seen_at_us.map(|seen_at_us| now_us - seen_at_us);
        let silence = match silent_us {
            Some(silent_us) if silent_us < UNIT_SILENT_US => String::new(),
            Some(silent_us) => format!("No message for {}", duration_words(silent_us)),
            None => "No message yet".to_owned(),
        };
        let status = match silent_us {
            _ if disabled => DISABLED,
            None => NEVER,
            Some(silent_us) if silent_us < UNIT_SILENT_US => CONNECTED,
            Some(_) => AWAY,
        };
        Self { status, silence }
    }

    /// Whether it is heard now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.status == CONNECTED
    }
}

/// The unit of an address.
pub(in crate::web::pages) async fn find(state: &State, id: &str) -> Result<Device, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such unit");
    let id: DeviceId = id.parse().map_err(|_| UNKNOWN)?;
    state.store.device(&id).await?.filter(|device| device.kind == DeviceKind::Unit).ok_or(UNKNOWN)
}

/// `1 instrument`, `4 instruments`.
#[must_use]
pub fn counted(count: impl TryInto<i64>, one: &str, many: &str) -> String {
    let count = count.try_into().unwrap_or(i64::MAX);
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_away_after_fifteen_seconds_of_silence() {
        let at = |seen_at_us, disabled| Reach::new(seen_at_us, disabled, 100_000_000);
        assert!(at(Some(85_000_001), false).is_connected() && at(Some(85_000_001), false).silence.is_empty());
        let away = at(Some(85_000_000), false);
        assert_eq!((away.status.word, away.silence.as_str()), ("Away", "No message for 15 s"));
        assert_eq!(at(None, false).status.word, "Never seen");
        assert_eq!(at(Some(99_000_000), true).status.word, "Disabled");
    }
}
