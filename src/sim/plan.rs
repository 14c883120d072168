//! What the devices of a simulated lab are and do. Filled in by whoever registered them; nothing here talks to a database.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::replay::Recording;
use super::station::Runaway;
use crate::analysis::cell_model::cell::Cell;
use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, StationId};
use crate::domain::profile::Steps;
use crate::domain::sample::Subject;

/// Everything a run simulates.
#[derive(Debug, Default)]
pub struct Plan {
    /// Units with their stations.
    pub units: Vec<UnitPlan>,
    /// Stations whose temperature will run away.
    pub runaways: Vec<(StationId, Runaway)>,
    /// Probes on batteries.
    pub probes: Vec<ProbePlan>,
    /// Devices that send as much as they may.
    pub loads: Vec<LoadPlan>,
    /// Devices that send good readings badly: twice, cut anew, out of order, between reboots and cut connections.
    pub clumsy: Vec<LoadPlan>,
    /// Devices that send what no device may send.
    pub vandals: Vec<VandalPlan>,
}

/// The computer that drives some stations.
#[derive(Debug)]
pub struct UnitPlan {
    /// User name.
    pub device: DeviceId,
    /// Password.
    pub secret: String,
    /// Rows per station and second of real time.
    pub rows_per_s: f64,
    /// Whether a run is measured as often as the server orders instead.
    pub obeys_period: bool,
    /// Its stations.
    pub stations: Vec<StationPlan>,
}

/// One experiment at one station.
#[derive(Debug)]
pub struct StationPlan {
    /// The station.
    pub station: StationId,
    /// The experiment.
    pub experiment: ExperimentId,
    /// The battery to put there; `None` leaves the one that is there, in the state it is in.
    pub cell: Option<Cell>,
    /// What is executed.
    pub work: Work,
    /// Largest current of the channel, A.
    pub current_max_a: f64,
    /// Seconds of the battery's time per second of real time.
    pub speed: f64,
    /// Decides the noise.
    pub seed: u64,
}

/// What a station executes.
#[derive(Debug, Clone)]
pub enum Work {
    /// What the server orders by `start`; idle until then.
    Ordered,
    /// A profile, on the battery of the station.
    Profile(Steps),
    /// A measured run; the battery plays no part.
    Replay {
        /// The run.
        recording: Arc<Recording>,
        /// Rest before it is played again, s of its own time; without it the experiment finishes.
        repeat_rest_s: Option<f64>,
    },
}

/// A measuring head on a battery.
#[derive(Debug)]
pub struct ProbePlan {
    /// User name.
    pub device: DeviceId,
    /// Password.
    pub secret: String,
    /// Number of the battery.
    pub battery: BatteryId,
    /// The battery itself.
    pub cell: Cell,
    /// Rows per second of real time.
    pub rows_per_s: f64,
    /// Seconds of the battery's time per second of real time.
    pub speed: f64,
    /// Decides use and noise.
    pub seed: u64,
}

/// A device with cheap rows of nine columns.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// User name.
    pub device: DeviceId,
    /// Password.
    pub secret: String,
    /// What it says it measures.
    pub subject: Subject,
    /// Rows per second; 0 for as many as are acknowledged.
    pub rows_per_s: f64,
    /// Decides the values.
    pub seed: u64,
}

/// A device that does not keep to the protocol.
#[derive(Debug, Clone)]
pub struct VandalPlan {
    /// User name.
    pub device: DeviceId,
    /// Password.
    pub secret: String,
    /// Another device, whose topic it tries to write to.
    pub victim: DeviceId,
    /// Decides what it sends.
    pub seed: u64,
}

/// An experiment came to its end.
#[derive(Debug)]
pub struct Finished {
    /// The unit.
    pub device: DeviceId,
    /// The station, now free.
    pub station: StationId,
    /// The experiment.
    pub experiment: ExperimentId,
    /// Takes the next experiment for the station; dropped, the station stays idle.
    pub next: oneshot::Sender<StationPlan>,
}
