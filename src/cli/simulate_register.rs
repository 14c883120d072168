//! Gives simulated devices what real ones get from an operator: an id, a secret, a battery, a station, an experiment.

use std::path::Path;

use anyhow::Context;

use super::BadInput;
use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::device::DeviceKind;
use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, StationId};
use crate::domain::secret::DeviceSecret;
use crate::sim::scenario::{Demand, PlaceDemand, PlaceIds, Registered};
use crate::store::Store;
use crate::store::batteries::NewBattery;
use crate::store::experiments::NewExperiment;

/// Registers the devices in the database of the settings; known ones get a new secret and keep the rest.
pub(super) async fn in_database(config: &Config, demands: Vec<Demand>) -> anyhow::Result<Vec<(Demand, Registered)>> {
    let store = app::open_store(config).await.context("devices are registered in the server's database")?;
    store.migrate().await?;
    let registered = register(&store, demands).await;
    store.close().await;
    registered
}

/// Registers the devices in a database.
pub(super) async fn register(store: &Store, demands: Vec<Demand>) -> anyhow::Result<Vec<(Demand, Registered)>> {
    let by = Actor::shell("cellar simulate");
    let mut registered = Vec::with_capacity(demands.len());
    for demand in demands {
        let secret = DeviceSecret::draw()?;
        store.register_device(&by, &demand.device, demand.kind, &secret, Clock::System.now_us()).await?;
        let mut places = Vec::with_capacity(demand.places.len());
        for place in &demand.places {
            places.push(register_place(store, &demand, place).await?);
        }
        registered.push((demand, Registered { secret: secret.reveal().to_owned(), places }));
    }
    Ok(registered)
}

async fn register_place(store: &Store, demand: &Demand, place: &PlaceDemand) -> anyhow::Result<PlaceIds> {
    let now_us = Clock::System.now_us();
    let battery = match store.battery_named(&place.name).await? {
        Some(known) => known,
        None => store.add_battery(&Actor::shell("cellar simulate"), &new_battery(place), None, now_us).await?,
    };
    if demand.kind != DeviceKind::Unit {
        let (station, experiment) = (StationId(0), ExperimentId(0));
        return Ok(PlaceIds { battery, station, experiment, is_ordered: false });
    }
    let station = match store.station_named(&place.name).await? {
        Some(known) => known,
        None => store.add_station(&place.name, &demand.device).await?,
    };
    let profile_name = format!("Standard cycle of {}", place.preset.family().1);
    let profile_name = format!("{profile_name}, {} Ah", place.preset.parameters().capacity_ah);
    let profile = match store.profile_named(&profile_name).await? {
        Some(known) => known,
        None => store.add_profile(&profile_name, &place.steps, now_us).await?,
    };
    let experiment = match store.open_experiment(station).await? {
        Some(open) => open,
        None => {
            let name = format!("Cycling at {}", place.name);
            let experiment = NewExperiment::new(name, battery, station, profile);
            store.queue_experiment(&Actor::shell("cellar simulate"), &experiment, None, now_us).await?
        }
    };
    // One that was under way when the simulation ended goes on; its unit has forgotten the order.
    let is_ordered = store.experiment(experiment).await?.is_some_and(|found| found.state.is_waiting());
    Ok(PlaceIds { battery, station, experiment, is_ordered })
}

/// The battery of a place as it stands in the list.
pub(super) fn new_battery(place: &PlaceDemand) -> NewBattery {
    let parameters = place.preset.parameters();
    let (technology, chemistry) = place.preset.family();
    NewBattery {
        voltage_min_v: parameters.voltage_min_v,
        voltage_max_v: parameters.voltage_max_v,
        ..NewBattery::usual(&place.name, technology, chemistry, parameters.cells_series, parameters.capacity_ah)
    }
}

/// One line of a file of secrets. Numbers not given are those of a fresh database: counted from 1 over all places.
/// A unit's further stations have the numbers after the one given.
#[derive(Debug, serde::Deserialize)]
struct Known {
    device: DeviceId,
    secret: String,
    battery: Option<BatteryId>,
    station: Option<StationId>,
    experiment: Option<ExperimentId>,
}

/// Takes ids and secrets from a file of JSON lines, one device of the scenario each.
pub(super) fn from_file(file: &Path, demands: Vec<Demand>) -> anyhow::Result<Vec<(Demand, Registered)>> {
    let text = std::fs::read_to_string(file).map_err(|error| BadInput(format!("{}: {error}", file.display())))?;
    let mut registered = Vec::with_capacity(demands.len());
    let mut count = 1;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for ((number, line), demand) in lines.zip(demands) {
        let bad = |error| BadInput(format!("{} line {}: {error}", file.display(), number + 1));
        let known: Known = serde_json::from_str(line).map_err(bad)?;
        let places: Vec<PlaceIds> = (0..)
            .zip(&demand.places)
            .map(|(place, _)| PlaceIds {
                battery: BatteryId(known.battery.map_or(count, |id| id.0) + place),
                station: StationId(known.station.map_or(count, |id| id.0) + place),
                experiment: ExperimentId(known.experiment.map_or(count, |id| id.0) + place),
                // Nobody knows here whether there is a queue.
                is_ordered: false,
            })
            .collect();
        count += i64::try_from(places.len()).unwrap_or(0);
        registered.push((Demand { device: known.device, ..demand }, Registered { secret: known.secret, places }));
    }
    if registered.is_empty() {
        return Err(BadInput(format!("{} names no device", file.display())).into());
    }
    Ok(registered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::Scenario;

    #[test]
    fn a_file_of_secrets_names_the_devices_and_its_errors_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets");
        let lines = "{\"device\":\"a\",\"secret\":\"s1\"}\n\n{\"device\":\"b\",\"secret\":\"s2\",\"battery\":7}\n";
        std::fs::write(&file, lines).unwrap();
        let known = from_file(&file, Scenario::Load.demands(8)).unwrap();
        let read: Vec<_> = known
            .iter()
            .map(|(demand, registered)| {
                (demand.device.as_str(), &registered.secret[..], registered.places[0].battery.0)
            })
            .collect();
        assert_eq!(read, [("a", "s1", 1), ("b", "s2", 7)]);
        std::fs::write(&file, "{\"device\":\"a\",\"secret\":\"s1\"}\n{\"device\":\"B\"}\n").unwrap();
        let error = from_file(&file, Scenario::Load.demands(8)).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
