//! `GET` and `POST /batteries/{id}/places/{position}`: what sits in a place, what sat there, and what is to sit there.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{Local, LocalResult, NaiveDateTime, TimeZone};
use serde::Deserialize;

use crate::domain::audit::REASON_MAX;
use crate::domain::ids::CellId;
use crate::store::StoreError;
use crate::store::batteries::Battery;
use crate::store::cell_places::{Place, Swap};
use crate::store::cells::{Cell, CellsWhere};
use crate::web::answer::Notice;
use crate::web::forms::{Problems, line};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::pages::batteries::find;
use crate::web::{State, Visitor, WebError, answer};

/// Free cells offered in the field; others are entered by their number.
const OFFERED: i64 = 200;
/// Changes of a place shown.
const HISTORY_SHOWN: i64 = 50;

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Number of the cell that is to sit there; empty for none.
    cell: String,
    /// Number of the cell that sat there when the form was shown; empty for none.
    seen: String,
    /// Since when, as the browser's calendar writes it; empty for now.
    at: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "cells/place.html")]
struct Page {
    layout: Layout,
    battery: Battery,
    position: i64,
    sits: Option<Place>,
    history: Vec<Place>,
    free: Vec<Cell>,
    typed: Typed,
    problems: Problems,
    notice: Option<Notice>,
    now_us: i64,
}

impl Page {
    async fn new(
        request: &HttpRequest,
        state: &State,
        (battery, position): (Battery, i64),
        typed: Option<Typed>,
    ) -> Result<Self, WebError> {
        let history = state.store.place_history(battery.battery_id, Some(position), HISTORY_SHOWN).await?;
        let sits = history.iter().find(|place| place.to_us.is_none()).cloned();
        let (free, _) = state.store.cells("", CellsWhere::Free, 0, OFFERED).await?;
        let mut typed = typed.unwrap_or_default();
        typed.seen = sits.as_ref().map_or_else(String::new, |place| place.cell_id.to_string());
        Ok(Self {
            layout: Layout::new(request, "batteries"),
            battery,
            position,
            sits,
            history,
            free,
            typed,
            problems: Problems::default(),
            notice: None,
            now_us: state.clock.now_us(),
        })
    }

    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }
}

/// Battery and place of an address.
async fn find_place(state: &State, path: &(String, String)) -> Result<(Battery, i64), WebError> {
    let battery = find(state, &path.0).await?;
    let position: i64 = path.1.parse().unwrap_or(0);
    if (1..=i64::from(battery.places())).contains(&position) {
        Ok((battery, position))
    } else {
        Err(WebError::NotFound("such place"))
    }
}

/// Answers with the page.
///
/// # Errors
/// 404 for an unknown battery or place.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let place = find_place(&state, &path).await?;
    answer::page(StatusCode::OK, &Page::new(&request, &state, place, None).await?)
}

/// Puts another cell there, or none.
///
/// # Errors
/// 404 for an unknown battery or place; what does not fit is told on the page.
pub async fn swap(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    path: web::Path<(String, String)>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let (battery, position) = find_place(&state, &path).await?;
    let typed = typed.into_inner();
    let now_us = state.clock.now_us();
    let mut problems = Problems::default();
    let cell = problems.take("cell", number(&typed.cell));
    let at_us = problems.take("at", moment(&typed.at, now_us));
    let reason = line(&typed.reason);
    if reason.chars().count() > REASON_MAX {
        problems.add("reason", format!("The reason is too long. Use {REASON_MAX} characters or fewer."));
    }
    if let Some(Some(cell)) = cell
        && state.store.cell(cell).await?.is_none_or(|cell| cell.retired_at_us.is_some())
    {
        problems.add("cell", format!("There is no cell {cell} in use. Enter the number of one, or leave it empty."));
    }
    let (Some(cell), Some(at_us), true) = (cell, at_us, problems.is_empty()) else {
        let page = Page { problems, ..Page::new(&request, &state, (battery, position), Some(typed)).await? };
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let seen = number(&typed.seen).unwrap_or_default();
    let swap = Swap { position, seen, cell, at_us, reason };
    match state.store.swap_cell(&visitor.actor(), &battery, &swap, now_us).await {
        Ok(()) => Ok(answer::see_other(&format!("/batteries/{}?done=swapped#cells", battery.battery_id))),
        Err(StoreError::Conflict(why)) => {
            let notice = Some(Notice::refused(why));
            let page = Page { notice, ..Page::new(&request, &state, (battery, position), Some(typed)).await? };
            answer::page(StatusCode::CONFLICT, &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// The cell of a typed number; `None` for nothing typed.
fn number(typed: &str) -> Result<Option<CellId>, String> {
    // The list offers “17, NMC-17”: the number counts.
    let number = typed.split(',').next().unwrap_or_default().trim().trim_start_matches('#');
    if number.is_empty() {
        return Ok(None);
    }
    let unreadable = || format!("“{}” is no number of a cell. Enter one like 17.", line(typed));
    number.parse().map(|number| Some(CellId(number))).map_err(|_| unreadable())
}

/// The typed moment in the zone of the server, µs UTC; the present one for nothing typed.
fn moment(typed: &str, now_us: i64) -> Result<i64, &'static str> {
    let typed = typed.trim().replace(' ', "T");
    if typed.is_empty() {
        return Ok(now_us);
    }
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let read = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(&typed, format).ok());
    let read = read.ok_or("Enter day and time like 2026-11-21 14:30, or leave it empty for now.")?;
    match Local.from_local_datetime(&read) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) if at.timestamp_micros() <= now_us => {
            Ok(at.timestamp_micros())
        }
        LocalResult::None => Err("The clocks were put forward then. Enter another time."),
        _ => Err("This moment has not come yet. Enter one that is over."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_named_by_its_number() {
        assert_eq!(number("17, NMC-17 (SN 4)"), Ok(Some(CellId(17))));
        assert_eq!((number(" #17 "), number("  ")), (Ok(Some(CellId(17))), Ok(None)));
        assert!(number("NMC-17").is_err());
    }

    #[test]
    fn a_moment_lies_in_the_past() {
        let now_us = 1_795_000_000_000_000;
        assert_eq!(moment("", now_us), Ok(now_us));
        let before = moment("2026-11-01 14:30", now_us).unwrap();
        assert_eq!(moment("2026-11-01T14:30:00", now_us), Ok(before));
        assert!(before < now_us);
        assert!(moment("2027-11-01T14:30", now_us).unwrap_err().contains("not come yet"));
        assert!(moment("yesterday", now_us).is_err());
    }
}
