//! Identifiers: an experiment's number can never be passed where a battery's is meant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest device id: MQTT user names and topics carry it, people read it aloud.
pub const DEVICE_ID_MAX: usize = 32;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(/// An experiment: one run of a profile on a battery at a station.
    ExperimentId);
row_id!(/// A battery: a cell or a pack of cells.
    BatteryId);
row_id!(/// A single cell under the laboratory's own number.
    CellId);
row_id!(/// A station: the place where one battery is cycled.
    StationId);
row_id!(/// A profile: the ordered steps an experiment executes.
    ProfileId);
row_id!(/// An instrument: a cycler channel or meter that a unit found on one of its links.
    InstrumentId);
row_id!(/// A command to a device, sent until it is answered.
    CommandId);
row_id!(/// Something that was or is wrong.
    AlarmId);
row_id!(/// Somebody who signs in.
    UserId);
row_id!(/// A browser that is signed in.
    SessionId);
row_id!(/// What a program signs in with.
    ApiTokenId);
row_id!(/// A list of experiments under a name: what it filters and how it sorts.
    SavedViewId);
row_id!(/// A stored time series: what one device measured for one subject.
    StreamId);

/// The id a device logs in with: 1 to 32 of `a-z`, `0-9`, `-`. It can stand in a topic without quoting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(Arc<str>);

/// Why a text is not a device id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a device id: use 1 to 32 of a-z, 0-9 and -")]
pub struct BadDeviceId(String);

/// How the ids begin under which the rows of files are stored: no device may call itself that.
const IMPORT_PREFIX: &str = "import-";

impl DeviceId {
    /// Under which the rows of a file are stored: they have an identity of their own, as those of a device have.
    #[must_use]
    pub fn of_import(import: i64) -> Self {
        Self(format!("{IMPORT_PREFIX}{import}").into())
    }

    /// Whether it stands for a file.
    #[must_use]
    pub fn is_of_import(&self) -> bool {
        self.0.starts_with(IMPORT_PREFIX)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceId {
    type Err = BadDeviceId;

    fn from_str(text: &str) -> Result<Self, BadDeviceId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=DEVICE_ID_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(BadDeviceId(text.chars().take(2 * DEVICE_ID_MAX).collect()))
        }
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for DeviceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_id_never_carries_topic_characters() {
        for good in ["a", "cu-01", "0123456789abcdef0123456789abcdef"] {
            assert_eq!(good.parse::<DeviceId>().map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "A", "a/b", "+", "#", "a b", "ä", "0123456789abcdef0123456789abcdef0"] {
            assert!(bad.parse::<DeviceId>().is_err(), "{bad}");
        }
    }
}
