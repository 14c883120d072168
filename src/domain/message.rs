//! What devices say besides samples, as in `docs/mqtt-protocol.md`.

use serde::{Deserialize, Serialize};

use super::device::DeviceKind;
use super::ids::{ExperimentId, StationId};
use super::station::StationState;

/// Longest text a device may send in one field; longer ones are cut, they are for reading only.
pub const DEVICE_TEXT_MAX: usize = 64;

/// `up/hello`: sent at every connect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Number of this start of the device.
    pub boot: u32,
    /// What the device is.
    pub kind: DeviceKind,
    /// Maker's model name.
    #[serde(default)]
    pub model: String,
    /// Firmware version.
    #[serde(default)]
    pub firmware: String,
    /// Serial number.
    #[serde(default)]
    pub serial: String,
}

/// `up/heartbeat`: a sign of life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Number of this start of the device.
    pub boot: u32,
    /// Seconds since that start.
    #[serde(default)]
    pub uptime_s: f64,
}

/// `up/clock`: says when a boot of a device without a clock took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockMark {
    /// The boot being dated.
    pub boot: u32,
    /// Device ticks, µs since boot, at the moment …
    pub tick_us: i64,
    /// … that was this UTC time.
    pub at_us: i64,
}

/// `up/state`: what a station does now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationReport {
    /// The station.
    pub station: StationId,
    /// The experiment it works on, if any.
    #[serde(default)]
    pub experiment: Option<ExperimentId>,
    /// What it does.
    pub state: StationState,
    /// Step being executed, from 1.
    #[serde(default)]
    pub step: Option<u32>,
    /// Cycle being executed, from 1.
    #[serde(default)]
    pub cycle: Option<u32>,
    /// Why, in words.
    #[serde(default)]
    pub reason: Option<String>,
}
