//! `GET` and `POST /stations/{id}/edit`: makes a successor with other instruments, measures, limits or words.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::find;
use super::form::Page;
use super::typed::Typed;
use crate::store::StoreError;
use crate::store::devices::Device;
use crate::store::stations_read::Station;
use crate::web::answer::Notice;
use crate::web::forms::once_of;
use crate::web::{State, Visitor, WebError, answer};

/// Answers with the form as the station is now.
///
/// # Errors
/// 404 for an unknown station, 409 for one that cannot be changed.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let station = find(&state, &id).await?;
    let unit = changeable(&state, &station).await?;
    answer::page(StatusCode::OK, &Page::new(&request, &state, unit, Some(station)).await?)
}

/// Makes the successor and leads to it.
///
/// # Errors
/// 404 for an unknown station, 409 for one that cannot be changed; what does not fit is told on the page.
pub async fn save(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    fields: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, WebError> {
    let asked = find(&state, &id).await?;
    let typed = Typed::read(fields.into_inner());
    let now_us = state.clock.now_us();
    // Sent twice: the first one made the successor.
    let heir = state.store.station_line(&asked).await?.1;
    if !asked.is_live()
        && let (Some(heir), Some(once)) = (&heir, once_of(&typed.once))
        && state.store.station_made_once(once).await? == Some(heir.station_id)
    {
        return Ok(answer::see_other(&format!("/stations/{}?done=modified", heir.station_id)));
    }
    let station = newest(&state, asked.clone()).await?;
    let unit = changeable(&state, &station).await?;
    let mut page = Page::new(&request, &state, unit.clone(), Some(station.clone())).await?;
    let seen = (asked.station_id, typed.version) == (station.station_id, station.version);
    let new = typed.check(&unit.device, &page.offered, &mut page.problems);
    page.typed = Typed { version: station.version, ..typed };
    if !seen {
        page.notice = Some(Notice::refused(changed_meanwhile(&station)));
        return answer::page(StatusCode::CONFLICT, &page);
    }
    let Some(new) = new else {
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let once = once_of(&page.typed.once);
    match state.store.build_station(&visitor.actor(), &new, Some(&station), once, now_us).await {
        Ok(station) => Ok(answer::see_other(&format!("/stations/{station}?done=modified"))),
        Err(StoreError::Duplicate { name, .. }) => {
            page.problems.add("name", format!("A station named {name} is there already. Choose another name."));
            answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(StoreError::Conflict(why)) => {
            page.notice = Some(Notice::refused(why));
            answer::page(StatusCode::CONFLICT, &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// What took the place of a station, or the station itself.
async fn newest(state: &State, mut station: Station) -> Result<Station, WebError> {
    while !station.is_live()
        && let Some(heir) = state.store.station_line(&station).await?.1
    {
        station = heir;
    }
    Ok(station)
}

/// The unit of a station that can be changed.
async fn changeable(state: &State, station: &Station) -> Result<Device, WebError> {
    let refuse = |why: String| Err(WebError::Conflict(why));
    if !station.is_live() {
        return refuse(format!("{} is retired: it stays as it was. Build a new station instead.", station.name));
    }
    let Some(unit) = &station.unit else {
        return refuse(format!("{} has no unit and so no instruments to choose from.", station.name));
    };
    match state.store.device(unit).await? {
        Some(unit) => Ok(unit),
        None => refuse(format!("The unit {unit} of {} is not registered any more.", station.name)),
    }
}

fn changed_meanwhile(station: &Station) -> String {
    format!(
        "Somebody else changed {} in the meantime. “As it is now” says what counts. What you typed is still in the form: \
         save it again to put it in place of theirs.",
        station.name
    )
}
