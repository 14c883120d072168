//! A laboratory with a unit and its instruments, as tests of stations need it.

use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::{DeviceId, ExperimentId, InstrumentId, StationId};
use cellar::domain::instrument::{FoundInstrument, ToldLimits};
use cellar::domain::limits::Limits;
use cellar::domain::measure::Measure;
use cellar::domain::message::StationReport;
use cellar::domain::profile::Steps;
use cellar::domain::secret::DeviceSecret;
use cellar::domain::station::StationState;
use cellar::store::Store;
use cellar::store::experiments::NewExperiment;
use cellar::store::instruments::{Detection, Instrument};
use cellar::store::stations_build::NewStation;

use super::battery::cell;

/// Who does what tests do.
pub(crate) fn tester() -> Actor {
    Actor::server("test")
}

/// Limits of a usual channel.
pub(crate) const CHANNEL: Limits =
    Limits { voltage_min_v: 0.0, voltage_max_v: 5.0, current_min_a: -10.0, current_max_a: 10.0 };

/// Registers a unit.
pub(crate) async fn unit(store: &Store, name: &str) -> DeviceId {
    let unit: DeviceId = name.parse().unwrap();
    let secret = DeviceSecret::from_random([7; 16]);
    store.register_device(&tester(), &unit, DeviceKind::Unit, &secret, 1).await.unwrap();
    unit
}

/// An instrument as a unit reports it.
pub(crate) fn found(link: &str, serial: &str) -> FoundInstrument {
    FoundInstrument {
        model: "EPC-80".to_owned(),
        serial: serial.to_owned(),
        link: link.to_owned(),
        measures: None,
        limits: ToldLimits::default(),
    }
}

/// What a unit found, stored as the writer does.
pub(crate) async fn report(store: &Store, unit: &DeviceId, list: &[FoundInstrument], now_us: i64) -> Detection {
    let mut group = store.begin_group().await.unwrap();
    let detection = group.note_instruments(unit, list, now_us).await.unwrap();
    group.commit().await.unwrap();
    detection
}

/// The instruments of a unit that are there, by link.
pub(crate) async fn present(store: &Store, unit: &DeviceId) -> Vec<Instrument> {
    let all = store.instruments_of(unit).await.unwrap();
    all.into_iter().filter(|instrument| instrument.absent_at_us.is_none()).collect()
}

/// A station of these instruments that measures voltage and current with the first.
pub(crate) fn station(name: &str, unit: &DeviceId, instruments: &[InstrumentId]) -> NewStation {
    let measure = |quantity: &str, name: &str, unit: &str| Measure {
        instrument: instruments[0],
        quantity: quantity.to_owned(),
        column: quantity.to_owned(),
        name: name.to_owned(),
        unit: unit.to_owned(),
    };
    NewStation {
        name: name.to_owned(),
        location: "Room 2".to_owned(),
        description: String::new(),
        unit: unit.clone(),
        limits: CHANNEL,
        instruments: instruments.to_vec(),
        measures: vec![measure("voltage_v", "Cell voltage", "V"), measure("current_a", "Current", "mA")],
    }
}

/// Queues an experiment to a station, with a battery and a profile of its name.
pub(crate) async fn experiment(store: &Store, name: &str, station: StationId) -> ExperimentId {
    let battery = store.add_battery(&tester(), &cell(&format!("Battery of {name}")), None, 1).await.unwrap();
    let steps = Steps { steps: vec![], cycles: 1 };
    let profile = store.add_profile(&format!("Profile of {name}"), &steps, 1).await.unwrap();
    let experiment = NewExperiment::new(name, battery, station, profile);
    store.queue_experiment(&tester(), &experiment, None, 1).await.unwrap()
}

/// A unit says that a station works on an experiment.
pub(crate) async fn say(
    store: &Store,
    unit: &DeviceId,
    station: StationId,
    experiment: ExperimentId,
    state: StationState,
) {
    let report = StationReport { station, experiment: Some(experiment), state, step: None, cycle: None, reason: None };
    let mut group = store.begin_group().await.unwrap();
    group.station_report(unit, &report, 1).await.unwrap();
    group.commit().await.unwrap();
}
