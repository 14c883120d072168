//! Stations: built of instruments, changed by successors, retired.

pub mod build;
pub mod edit;
pub mod form;
pub mod list;
pub mod relaunch;
pub mod retire;
pub mod show;
pub mod typed;
pub mod words;

use super::monitor::line::UNIT_SILENT_US;
use super::monitor::status::{Status, judge};
use crate::domain::ids::StationId;
use crate::store::stations_read::Station;
use crate::web::{State, WebError};

const RETIRED: Status = Status { icon: "archive", word: "Retired", tone: "away" };
const VIRTUAL: Status = Status { icon: "cloud", word: "Virtual", tone: "away" };
const NO_UNIT: Status = Status { icon: "alert-triangle", word: "No unit", tone: "warning" };

/// How a station is now: retired, virtual, without a unit, or what its unit says, unless that is silent.
#[must_use]
pub fn status(station: &Station, now_us: i64) -> Status {
    if !station.is_live() {
        return RETIRED;
    }
    if station.is_virtual {
        return VIRTUAL;
    }
    if station.unit.is_none() {
        return NO_UNIT;
    }
    let is_silent = station.unit_seen_at_us.is_none_or(|seen_at_us| now_us - seen_at_us >= UNIT_SILENT_US);
    judge(station.state, is_silent).1
}

/// The station of an address.
async fn find(state: &State, id: &str) -> Result<Station, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such station");
    let id: i64 = id.parse().map_err(|_| UNKNOWN)?;
    state.store.station(StationId(id)).await?.ok_or(UNKNOWN)
}
