//! Batteries: what the laboratory has, and what may be done to each.

pub mod add;
pub mod edit;
pub mod form;
pub mod label;
pub mod list;
pub mod offers;
pub mod photo;
pub mod retire;
pub mod show;
pub mod words;

use super::monitor::status::Status;
use crate::domain::ids::BatteryId;
use crate::store::batteries::Battery;
use crate::web::{State, WebError};

const IN_USE: Status = Status { icon: "circle-check", word: "In use", tone: "good" };
const RETIRED: Status = Status { icon: "archive", word: "Retired", tone: "away" };

/// How a battery stands.
#[must_use]
pub fn status(battery: &Battery) -> Status {
    if battery.retired_at_us.is_some() { RETIRED } else { IN_USE }
}

/// The battery of an address.
pub(super) async fn find(state: &State, id: &str) -> Result<Battery, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such battery");
    let id: i64 = id.parse().map_err(|_| UNKNOWN)?;
    state.store.battery(BatteryId(id)).await?.ok_or(UNKNOWN)
}
