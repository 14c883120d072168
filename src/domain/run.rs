//! Runs: what an experiment is started with, and the limits it must stay within.

use serde::{Deserialize, Serialize};

use super::battery::BatteryFacts;
use super::limits::Limits;

/// Time between two samples when nobody said another, ms.
pub const SAMPLE_PERIOD_MS: u32 = 1_000;
/// How long a station goes on without hearing from the server when nobody said another time, s.
pub const LEASE_S: u32 = 60;
/// Shortest lease, s: several renewals fit into it.
pub const LEASE_S_MIN: u32 = 5;
/// Longest lease, s.
pub const LEASE_S_MAX: u32 = 600;

/// The limits of a run, sent to its unit with `start`, echoed by it, and watched by the server. Charge current is
/// positive. What is `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLimits {
    /// Lowest voltage, V.
    pub voltage_min_v: f64,
    /// Highest voltage, V.
    pub voltage_max_v: f64,
    /// Largest discharge current, A; zero or negative.
    pub current_min_a: f64,
    /// Largest charge current, A; zero or positive.
    pub current_max_a: f64,
    /// Lowest temperature, °C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_min_c: Option<f64>,
    /// Highest temperature, °C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_max_c: Option<f64>,
    /// Most charge moved in one direction without a change of direction, Ah; positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_max_ah: Option<f64>,
    /// Longest duration of the run, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_max_s: Option<f64>,
    /// Fastest change of the voltage at a steady current, V/s; positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltage_rate_max_v_per_s: Option<f64>,
    /// Fastest rise of the temperature, °C/min; positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_rate_max_c_per_min: Option<f64>,
}

impl RunLimits {
    /// The electrical window alone, for a battery at a station: what both allow.
    #[must_use]
    pub fn electrical(battery: &BatteryFacts, station: &Limits) -> Self {
        let both = battery.limits().both(station);
        Self {
            voltage_min_v: both.voltage_min_v,
            voltage_max_v: both.voltage_max_v,
            current_min_a: both.current_min_a,
            current_max_a: both.current_max_a,
            temperature_min_c: None,
            temperature_max_c: None,
            capacity_max_ah: None,
            time_max_s: None,
            voltage_rate_max_v_per_s: None,
            temperature_rate_max_c_per_min: None,
        }
    }
}

/// What a run is started with, as it is stored and sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunTerms {
    /// How far it may go.
    pub limits: RunLimits,
    /// Time between two samples, ms.
    pub sample_period_ms: u32,
    /// How long the station goes on without hearing from the server, s.
    pub lease_s: u32,
}
