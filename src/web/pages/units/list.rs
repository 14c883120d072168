//! `GET /units`: every unit with its state, instruments and stations.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::Reach;
use crate::store::units::Unit;
use crate::web::forms::line;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

#[derive(Template)]
#[template(path = "units/list.html")]
struct Page {
    layout: Layout,
    units: Vec<Shown>,
}

/// A unit as shown. What it says of itself is foreign text.
struct Shown {
    unit: Unit,
    model: String,
    firmware: String,
    reach: Reach,
}

impl Page {
    fn count_words(&self) -> String {
        let connected = self.units.iter().filter(|shown| shown.reach.is_connected()).count();
        format!("{connected} of {} connected", self.units.len())
    }
}

/// Answers with the list.
///
/// # Errors
/// When the database fails.
pub async fn page(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, WebError> {
    let now_us = state.clock.now_us();
    let shown = |unit: Unit| Shown {
        model: line(&unit.model),
        firmware: line(&unit.firmware),
        reach: Reach::new(unit.seen_at_us, unit.disabled, now_us),
        unit,
    };
    let units = state.store.units().await?.into_iter().map(shown).collect();
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "stations"), units })
}
