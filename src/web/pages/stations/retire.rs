//! `GET` and `POST /stations/{id}/retire`: takes a station out of use, after a page that says what follows.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::find;
use crate::domain::audit::REASON_MAX;
use crate::domain::ids::StationId;
use crate::store::StoreError;
use crate::store::stations_read::{QUEUE_MAX, Station, StationChoice, Waiting};
use crate::web::answer::Notice;
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    heir: String,
    reason: String,
    version: i64,
}

#[derive(Template)]
#[template(path = "stations/retire.html")]
struct Page {
    layout: Layout,
    station: Station,
    queue: Vec<Waiting>,
    /// Live stations that can do all this one can.
    heirs: Vec<StationChoice>,
    typed: Typed,
    problems: Problems,
    notice: Option<Notice>,
}

impl Page {
    async fn new(request: &HttpRequest, state: &State, station: Station, typed: Typed) -> Result<Self, WebError> {
        let mut heirs = state.store.station_choices(QUEUE_MAX).await?;
        heirs.retain(|heir| heir.station_id != station.station_id && heir.limits.cover(&station.limits()));
        Ok(Self {
            layout: Layout::new(request, "stations"),
            queue: state.store.station_queue(station.station_id).await?,
            heirs,
            station,
            typed,
            problems: Problems::default(),
            notice: None,
        })
    }

    fn is_heir(&self, heir: &StationId) -> bool {
        self.typed.heir == heir.0.to_string()
    }
}

/// Asks whether it is to be retired.
///
/// # Errors
/// 404 for an unknown station, 409 for the virtual one.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let station = find(&state, &id).await?;
    if let Some(elsewhere) = elsewhere(&station)? {
        return Ok(elsewhere);
    }
    let typed = Typed { version: station.version, ..Typed::default() };
    answer::page(StatusCode::OK, &Page::new(&request, &state, station, typed).await?)
}

/// Retires it; a second time changes nothing.
///
/// # Errors
/// 404 for an unknown station, 409 for the virtual one; what does not fit is told on the page.
pub async fn retire(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let station = find(&state, &id).await?;
    if let Some(elsewhere) = elsewhere(&station)? {
        return Ok(elsewhere);
    }
    let path = format!("/stations/{}?done=retired", station.station_id);
    let reason = line(&typed.reason);
    let mut page = Page::new(&request, &state, station.clone(), typed.into_inner()).await?;
    if reason.chars().count() > REASON_MAX {
        page.problems.add("reason", format!("The reason is too long. Use {REASON_MAX} characters or fewer."));
    }
    let heir = page.heirs.iter().find(|heir| page.is_heir(&heir.station_id)).map(|heir| heir.station_id);
    if !page.queue.is_empty() && heir.is_none() {
        page.problems.add("heir", format!("Choose where to move what waits for {}, or cancel it first.", station.name));
    }
    if !page.problems.is_empty() {
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let done = if page.typed.version == station.version {
        state.store.retire_station(&visitor.actor(), &station, heir, &reason, state.clock.now_us()).await
    } else {
        Err(StoreError::Conflict(format!(
            "Somebody else changed {} in the meantime. Look at what this page says now, then decide again.",
            station.name
        )))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&path)),
        Err(StoreError::Conflict(why)) => {
            let station = find(&state, &id).await?;
            let typed = Typed { version: station.version, ..page.typed };
            let mut page = Page::new(&request, &state, station, typed).await?;
            page.notice = Some(Notice::refused(why));
            answer::page(StatusCode::CONFLICT, &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// Where somebody is led whose station is not to be retired.
fn elsewhere(station: &Station) -> Result<Option<HttpResponse>, WebError> {
    if station.is_virtual {
        let why = format!("{} holds what was measured elsewhere; it is always there.", station.name);
        return Err(WebError::Conflict(why));
    }
    let path = format!("/stations/{}?done=retired", station.station_id);
    Ok((!station.is_live()).then(|| answer::see_other(&path)))
}
