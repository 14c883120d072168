//! Devices: which ones may log in, which ones would like to, and when each was last heard.

pub mod add;
pub mod disable;
pub mod enable;
pub mod list;
pub mod pending;
pub mod rotate;
pub mod show;

use super::monitor::numbers::duration_words;
use super::monitor::status::Status;
use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::store::devices::Device;
use crate::web::forms::line;
use crate::web::{State, WebError};

/// A device heard within this time counts as connected, µs: probes send in batches, some only every half minute.
const CONNECTED_US: i64 = 60 * 1_000_000;

const ENABLED: Status = Status { icon: "circle-check", word: "Enabled", tone: "good" };
const DISABLED: Status = Status { icon: "ban", word: "Disabled", tone: "away" };
const CONNECTED: Status = Status { icon: "plug-connected", word: "Connected", tone: "running" };

/// A device as pages show it. What it says of itself is foreign text.
#[derive(Debug)]
pub struct Shown {
    /// The device.
    pub device: Device,
    /// Its model, without what could hide something; empty when it said none.
    pub model: String,
    /// Its firmware, likewise.
    pub firmware: String,
    /// Its serial number, likewise.
    pub serial: String,
    now_us: i64,
}

impl Shown {
    fn new(device: Device, now_us: i64) -> Self {
        let (model, firmware, serial) = (line(&device.model), line(&device.firmware), line(&device.serial));
        Self { device, model, firmware, serial, now_us }
    }

    /// Whether it may log in.
    #[must_use]
    pub fn access(&self) -> Status {
        if self.device.disabled { DISABLED } else { ENABLED }
    }

    /// The badge of a device that was heard just now.
    #[must_use]
    pub fn connected(&self) -> Option<Status> {
        let seen_at_us = self.device.seen_at_us?;
        (!self.device.disabled && self.now_us - seen_at_us < CONNECTED_US).then_some(CONNECTED)
    }

    /// For how long it was not heard, in words.
    #[must_use]
    pub fn silence(&self) -> String {
        match self.device.seen_at_us {
            Some(seen_at_us) => format!("No message for {}", duration_words(self.now_us - seen_at_us)),
            None => "No message yet".to_owned(),
        }
    }

    /// What it is, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        kind_title(self.device.kind)
    }
}

/// The kinds in the order they are offered: the commonest first.
const KINDS: [DeviceKind; 3] = [DeviceKind::Probe, DeviceKind::Unit, DeviceKind::Gateway];

/// The word of a kind for people.
#[must_use]
pub fn kind_title(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Unit => "Unit",
        DeviceKind::Probe => "Probe",
        DeviceKind::Gateway => "Gateway",
    }
}

/// What a kind of device does, in a line.
#[must_use]
pub fn kind_does(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Unit => "drives the stations of a cycler",
        DeviceKind::Probe => "measures a cell or a pack",
        DeviceKind::Gateway => "collects for a field site",
    }
}

/// The device of an address.
async fn find(state: &State, id: &str) -> Result<Device, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such device");
    let id: DeviceId = id.parse().map_err(|_| UNKNOWN)?;
    state.store.device(&id).await?.ok_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_of_itself_cannot_hide_anything() {
        let device = |seen_at_us, disabled| Device {
            device: "pr-01".parse().unwrap(),
            kind: DeviceKind::Probe,
            disabled,
            model: "\u{202e}eborP\u{7}".to_owned(),
            firmware: " 1.2\n".to_owned(),
            serial: String::new(),
            boot: None,
            registered_at_us: 0,
            hello_at_us: None,
            seen_at_us,
            revision: 0,
        };
        let shown = Shown::new(device(Some(0), false), 192_000_000);
        assert_eq!((shown.model.as_str(), shown.firmware.as_str()), ("eborP", "1.2"));
        assert_eq!((shown.connected(), shown.silence().as_str()), (None, "No message for 3 min 12 s"));
        assert_eq!(Shown::new(device(Some(0), false), CONNECTED_US - 1).connected(), Some(CONNECTED));
        assert_eq!(Shown::new(device(Some(0), true), 1).connected(), None);
        assert_eq!(Shown::new(device(None, false), 1).silence(), "No message yet");
    }
}
