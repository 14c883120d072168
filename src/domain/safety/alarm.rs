//! What can be wrong, how bad it is, and in which words it is told.

use serde::{Deserialize, Serialize};

/// Longest code of an alarm, in characters.
pub const CODE_MAX: usize = 64;
/// Longest message of an alarm, in characters.
pub const MESSAGE_MAX: usize = 255;
/// Longest answer to an alarm, in characters.
pub const ANSWER_MAX: usize = 500;

/// How bad something is, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth looking at; nothing was stopped.
    Warning,
    /// Something was stopped, or cannot be watched any more.
    Alarm,
    /// Something should have been stopped, and nobody knows whether it is.
    Critical,
}

impl Severity {
    /// Every severity with its word, the mildest first.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Info, "info"), (Self::Warning, "warning"), (Self::Alarm, "alarm"), (Self::Critical, "critical")];

    /// The word in the database, the API and `up/alarm`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(severity, _)| *severity == self).map_or("info", |(_, word)| word)
    }

    /// The severity of a word; `None` when this version does not know it.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(severity, _)| *severity)
    }
}

/// The rules of the watch over a run, and of the watch over the server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Above the highest voltage.
    VoltageHigh,
    /// Below the lowest voltage.
    VoltageLow,
    /// More charge current than allowed.
    ChargeCurrentHigh,
    /// More discharge current than allowed.
    DischargeCurrentHigh,
    /// Above the highest temperature.
    TemperatureHigh,
    /// Below the lowest temperature.
    TemperatureLow,
    /// A few degrees below the highest temperature.
    TemperatureNear,
    /// It warms too fast.
    TemperatureRise,
    /// The voltage moves too fast at a steady current.
    VoltageRate,
    /// More charge in one direction than the battery can hold.
    ChargeHigh,
    /// The run takes longer than its steps can.
    TimeLong,
    /// No temperature is measured although it is limited.
    TemperatureMissing,
    /// A temperature no battery has: a broken sensor.
    TemperatureImplausible,
    /// A temperature that does not move while current flows.
    TemperatureFrozen,
    /// Two sensors of one battery differ.
    TemperaturesDiffer,
    /// Nothing was measured for longer than expected.
    Late,
    /// Nothing was measured for so long that the run is stopped.
    Silent,
    /// A unit with a run that is held or being started says nothing.
    Away,
    /// A stop was sent and is not confirmed.
    StopUnconfirmed,
    /// Nothing can be stored.
    StorageDown,
    /// A device sent more unreadable messages than are kept.
    DeadLettersOver,
    /// The watch itself did not look for a while.
    WatchLate,
    /// Somebody pressed the emergency stop.
    EmergencyStop,
}

impl Code {
    /// Every code with its word.
    pub const ALL: [(Self, &'static str); 23] = [
        (Self::VoltageHigh, "voltage_high"),
        (Self::VoltageLow, "voltage_low"),
        (Self::ChargeCurrentHigh, "charge_current_high"),
        (Self::DischargeCurrentHigh, "discharge_current_high"),
        (Self::TemperatureHigh, "temperature_high"),
        (Self::TemperatureLow, "temperature_low"),
        (Self::TemperatureNear, "temperature_near"),
        (Self::TemperatureRise, "temperature_rise"),
        (Self::VoltageRate, "voltage_rate"),
        (Self::ChargeHigh, "charge_high"),
        (Self::TimeLong, "time_long"),
        (Self::TemperatureMissing, "temperature_missing"),
        (Self::TemperatureImplausible, "temperature_implausible"),
        (Self::TemperatureFrozen, "temperature_frozen"),
        (Self::TemperaturesDiffer, "temperatures_differ"),
        (Self::Late, "late"),
        (Self::Silent, "silent"),
        (Self::Away, "away"),
        (Self::StopUnconfirmed, "stop_unconfirmed"),
        (Self::StorageDown, "storage_down"),
        (Self::DeadLettersOver, "dead_letters_over"),
        (Self::WatchLate, "watch_late"),
        (Self::EmergencyStop, "emergency_stop"),
    ];

    /// The word in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(code, _)| *code == self).map_or("unknown", |(_, word)| word)
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::EmergencyStop => Severity::Info,
            Self::TemperatureNear | Self::Late | Self::Away | Self::DeadLettersOver => Severity::Warning,
            Self::StopUnconfirmed => Severity::Critical,
            _ => Severity::Alarm,
        }
    }

    /// Whether a run is stopped for it.
    #[must_use]
    pub fn stops(self) -> bool {
        !matches!(
            self,
            Self::TemperatureNear
                | Self::Late
                | Self::Away
                | Self::StopUnconfirmed
                | Self::StorageDown
                | Self::DeadLettersOver
                | Self::WatchLate
                | Self::EmergencyStop
        )
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Something is wrong.
    Raised(Breach),
    /// It is over.
    Cleared(Code),
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// Which rule.
    pub code: Code,
    /// What was measured, in the unit of the rule.
    pub value: Option<f64>,
    /// What would have been allowed.
    pub limit: Option<f64>,
    /// Told in words: “Temperature 62.1 °C is above 60.0 °C”.
    pub message: String,
    /// Whether it is long past: rows that a device delivered later. Nothing is stopped for it.
    pub is_late: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_severity_has_a_word_of_its_own() {
        let mut words: Vec<&str> = Code::ALL.iter().map(|(code, _)| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(words.iter().all(|word| word.len() <= CODE_MAX));
        for (severity, word) in Severity::ALL {
            assert_eq!(Severity::from_word(word), Some(severity));
        }
        assert!(Severity::Critical > Severity::Alarm && Severity::Warning > Severity::Info);
    }

    #[test]
    fn only_an_alarm_stops_a_run() {
        for (code, word) in Code::ALL {
            assert!(!code.stops() || code.severity() == Severity::Alarm, "{word}");
        }
    }
}
