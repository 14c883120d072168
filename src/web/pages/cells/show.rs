//! `GET /cells/{id}`: one cell, and where it was.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use crate::domain::number::plain;
use crate::store::cell_places::Place;
use crate::store::cells::Cell;
use crate::web::answer::{DoneQuery, Notice};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Places shown of the past.
const HISTORY_SHOWN: i64 = 50;

#[derive(Template)]
#[template(path = "cells/show.html")]
struct Page {
    layout: Layout,
    cell: Cell,
    history: Vec<Place>,
    notice: Option<Notice>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn capacity(&self) -> String {
        self.cell.facts.capacity_ah.map_or_else(|| "–".to_owned(), |capacity_ah| format!("{} Ah", plain(capacity_ah)))
    }
}

/// Answers with the page.
///
/// # Errors
/// 404 for an unknown cell.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let cell = find(&state, &id).await?;
    let history = state.store.cell_history(cell.cell_id, HISTORY_SHOWN).await?;
    let notice = done(&query.done, &cell);
    let layout = Layout::new(&request, "batteries");
    answer::page(StatusCode::OK, &Page { layout, cell, history, notice, now_us: state.clock.now_us() })
}

/// What was done before somebody was led here.
fn done(word: &str, cell: &Cell) -> Option<Notice> {
    let name = &cell.facts.name;
    Some(Notice::done(match word {
        "added" => format!("{name} was registered as cell {}. No other cell ever gets this number.", cell.cell_id),
        "edited" => format!("{name} was changed."),
        "same" => format!("Nothing was changed: {name} was so already."),
        "retired" => format!("{name} is retired. Where it was stays on record."),
        "back" => format!("{name} is in use again."),
        _ => return None,
    }))
}
