//! Devices that speak to the server: units that drive stations, probes on cells, gateways of field sites.

use serde::{Deserialize, Serialize};

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// The computer that drives cycler stations.
    Unit,
    /// A measuring head on a cell or pack.
    Probe,
    /// The collector of a field site.
    Gateway,
}

impl DeviceKind {
    /// The word used in the database and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Probe => "probe",
            Self::Gateway => "gateway",
        }
    }
}

impl std::str::FromStr for DeviceKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "unit" => Ok(Self::Unit),
            "probe" => Ok(Self::Probe),
            "gateway" => Ok(Self::Gateway),
            other => Err(format!("“{other}” is not a kind of device: use unit, probe or gateway")),
        }
    }
}
