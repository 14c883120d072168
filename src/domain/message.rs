//! What devices say besides samples, as in `docs/mqtt-protocol.md`.

use serde::{Deserialize, Serialize};

use super::command::CommandResult;
use super::device::DeviceKind;
use super::ids::{CommandId, ExperimentId, StationId};
use super::instrument::FoundInstrument;
use super::safety::Severity;
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

/// `up/devices`: the instruments a unit found on its links.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundInstruments {
    /// The command that asked for it, if one did.
    #[serde(default)]
    pub command_id: Option<CommandId>,
    /// What was found; nothing says nothing about what was found before.
    pub devices: Vec<FoundInstrument>,
}

/// `up/reply`: what became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The command.
    pub command_id: CommandId,
    /// What became of it.
    pub result: CommandResult,
    /// Why, in words.
    #[serde(default)]
    pub reason: Option<String>,
    /// Of a `start`: the limits that the unit keeps to, as it understood them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<serde_json::Value>,
}

/// `up/alarm`: something a device found wrong by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceAlarm {
    /// What the device calls it: `over_temperature`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// In words.
    #[serde(default)]
    pub message: String,
    /// The station it is about, if any.
    #[serde(default)]
    pub station: Option<StationId>,
    /// What was measured.
    #[serde(default)]
    pub value: Option<f64>,
    /// What would have been allowed.
    #[serde(default)]
    pub limit: Option<f64>,
    /// When, by the device's clock, µs UTC.
    #[serde(default)]
    pub at_us: Option<i64>,
    /// Whether it is over. Missing means that it is not.
    #[serde(default)]
    pub cleared: bool,
}
