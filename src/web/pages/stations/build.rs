//! `GET` and `POST /stations/new`: builds a station of free instruments of a unit.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::form::Page;
use super::typed::Typed;
use crate::store::StoreError;
use crate::store::units::Unit;
use crate::web::answer::Notice;
use crate::web::forms::once_of;
use crate::web::page::Layout;
use crate::web::pages::units::{Reach, counted, find as find_unit};
use crate::web::{State, Visitor, WebError, answer};

/// What the address asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    unit: String,
}

/// The page on which the unit is chosen.
#[derive(Template)]
#[template(path = "stations/unit.html")]
struct UnitPage {
    layout: Layout,
    units: Vec<(Unit, Reach)>,
}

impl UnitPage {
    fn instruments(&self, unit: &Unit) -> String {
        counted(unit.instruments, "instrument", "instruments")
    }
}

/// Answers with the empty form, or with the choice of units.
///
/// # Errors
/// 404 for an unknown unit.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    if asked.unit.is_empty() {
        let now_us = state.clock.now_us();
        let reach = |unit: Unit| {
            let reach = Reach::new(unit.seen_at_us, unit.disabled, now_us);
            (unit, reach)
        };
        let units = state.store.units().await?.into_iter().map(reach).collect();
        return answer::page(StatusCode::OK, &UnitPage { layout: Layout::new(&request, "stations"), units });
    }
    let unit = find_unit(&state, &asked.unit).await?;
    answer::page(StatusCode::OK, &Page::new(&request, &state, unit, None).await?)
}

/// Builds the station and leads to it.
///
/// # Errors
/// 404 for an unknown unit; what does not fit is told on the page.
pub async fn build(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    asked: web::Query<Asked>,
    fields: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, WebError> {
    let unit = find_unit(&state, &asked.unit).await?;
    let typed = Typed::read(fields.into_inner());
    // Sent twice: the first one took the instruments, so they would not be found free any more.
    if let Some(once) = once_of(&typed.once)
        && let Some(station) = state.store.station_made_once(once).await?
    {
        return Ok(answer::see_other(&format!("/stations/{station}?done=built")));
    }
    let mut page = Page::new(&request, &state, unit.clone(), None).await?;
    let new = typed.check(&unit.device, &page.offered, &mut page.problems);
    page.typed = typed;
    let Some(new) = new else {
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let once = once_of(&page.typed.once);
    match state.store.build_station(&visitor.actor(), &new, None, once, state.clock.now_us()).await {
        Ok(station) => Ok(answer::see_other(&format!("/stations/{station}?done=built"))),
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
