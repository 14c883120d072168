//! A battery, a station and a profile, for tests that queue experiments.

use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::{BatteryId, DeviceId, ProfileId, StationId};
use cellar::domain::profile::{Step, StepEnd, StepMode, Steps};
use cellar::domain::secret::DeviceSecret;
use cellar::store::Store;
use cellar::store::experiments::NewExperiment;

use super::battery;

/// The unit that drives the station.
pub(crate) const UNIT: &str = "cu-01";

/// What an experiment needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bench {
    pub(crate) battery: BatteryId,
    pub(crate) station: StationId,
    pub(crate) profile: ProfileId,
}

impl Bench {
    /// Battery NMC-017, station A1 of unit cu-01, profile “Discharge”.
    pub(crate) async fn in_store(store: &Store) -> Self {
        let unit: DeviceId = UNIT.parse().unwrap();
        let secret = DeviceSecret::from_random([7; 16]);
        store.register_device(&Actor::server("test"), &unit, DeviceKind::Unit, &secret, 1).await.unwrap();
        Self {
            battery: store.add_battery(&Actor::server("test"), &battery::cell(battery::NAME), None, 1).await.unwrap(),
            station: store.add_station("A1", &unit).await.unwrap(),
            profile: store.add_profile("Discharge", &discharge(-1.0), 1).await.unwrap(),
        }
    }

    /// An experiment here.
    pub(crate) fn experiment(&self, name: &str) -> NewExperiment {
        NewExperiment::new(name, self.battery, self.station, self.profile)
    }
}

/// One step at that current, A, down to 3 V.
pub(crate) fn discharge(current_a: f64) -> Steps {
    let step = Step { mode: StepMode::Cc { current_a }, until: vec![StepEnd::VoltageV(3.0)] };
    Steps { steps: vec![step], cycles: 1 }
}
