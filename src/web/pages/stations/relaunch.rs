//! `POST /stations/{id}/relaunch`: tells the unit its stations once more.

use actix_web::{HttpResponse, web};

use super::find;
use crate::web::{State, Visitor, WebError, answer};

/// Tells the unit.
///
/// # Errors
/// 404 for an unknown station, 409 for one that no unit drives.
pub async fn relaunch(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let station = find(&state, &id).await?;
    state.store.relaunch_station(&visitor.actor(), &station, state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/stations/{}?done=relaunched", station.station_id)))
}
