//! `GET /api/v1/stations` and `GET /api/v1/units`: what there is, and what it does now.

use actix_web::web;
use serde::Serialize;

use crate::domain::ids::{DeviceId, ExperimentId, StationId};
use crate::domain::station::StationState;
use crate::store::stations_read::{Station, StationFilter};
use crate::store::units::Unit;
use crate::web::pages::units::Reach;
use crate::web::{State, WebError};

/// The live stations, by name.
#[derive(Debug, Serialize)]
pub struct Stations {
    stations: Vec<OneStation>,
}

/// A live station.
#[derive(Debug, Serialize)]
struct OneStation {
    station_id: StationId,
    name: String,
    location: String,
    is_virtual: bool,
    unit: Option<DeviceId>,
    unit_seen_at_us: Option<i64>,
    is_connected: bool,
    state: StationState,
    reason: String,
    reported_at_us: Option<i64>,
    experiment_id: Option<ExperimentId>,
    experiment: Option<String>,
    step: Option<u32>,
    cycle: Option<u32>,
    voltage_min_v: f64,
    voltage_max_v: f64,
    current_min_a: f64,
    current_max_a: f64,
    queued: i64,
}

/// The units, by id.
#[derive(Debug, Serialize)]
pub struct Units {
    units: Vec<OneUnit>,
}

/// A unit.
#[derive(Debug, Serialize)]
struct OneUnit {
    device: DeviceId,
    model: String,
    firmware: String,
    serial: String,
    disabled: bool,
    seen_at_us: Option<i64>,
    is_connected: bool,
    instruments: i64,
    stations: i64,
}

/// Answers with the live stations.
///
/// # Errors
/// When the database fails.
pub async fn stations(state: web::Data<State>) -> Result<web::Json<Stations>, WebError> {
    let now_us = state.clock.now_us();
    let live = StationFilter { retired: Some(false), ..StationFilter::default() };
    let one = |station: Station| {
        let limits = station.limits();
        let (experiment_id, experiment) = station.experiment.unzip();
        OneStation {
            is_connected: station.unit.is_some() && Reach::new(station.unit_seen_at_us, false, now_us).is_connected(),
            station_id: station.station_id,
            name: station.name,
            location: station.location,
            is_virtual: station.is_virtual,
            unit: station.unit,
            unit_seen_at_us: station.unit_seen_at_us,
            state: station.state,
            reason: station.reason,
            reported_at_us: station.reported_at_us,
            experiment_id,
            experiment,
            step: station.step,
            cycle: station.cycle,
            voltage_min_v: limits.voltage_min_v,
            voltage_max_v: limits.voltage_max_v,
            current_min_a: limits.current_min_a,
            current_max_a: limits.current_max_a,
            queued: station.queued,
        }
    };
    Ok(web::Json(Stations { stations: state.store.stations(&live).await?.into_iter().map(one).collect() }))
}

/// Answers with the units.
///
/// # Errors
/// When the database fails.
pub async fn units(state: web::Data<State>) -> Result<web::Json<Units>, WebError> {
    let now_us = state.clock.now_us();
    let one = |unit: Unit| OneUnit {
        is_connected: Reach::new(unit.seen_at_us, unit.disabled, now_us).is_connected(),
        device: unit.device,
        model: unit.model,
        firmware: unit.firmware,
        serial: unit.serial,
        disabled: unit.disabled,
        seen_at_us: unit.seen_at_us,
        instruments: unit.instruments,
        stations: unit.stations,
    };
    Ok(web::Json(Units { units: state.store.units().await?.into_iter().map(one).collect() }))
}
