//! `GET /units/{id}`: one unit, what it found, and the button that makes it look.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::ask::Ask;
use super::{Reach, find};
use crate::domain::command::Verb;
use crate::domain::measure::title;
use crate::store::devices::Device;
use crate::store::instruments::{Instrument, Presence};
use crate::store::stations_read::{Station, StationFilter};
use crate::web::forms::line;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::pages::stations::words::told_limits;
use crate::web::{State, WebError, answer};

#[derive(Template)]
#[template(path = "units/show.html")]
struct Page {
    layout: Layout,
    unit: Device,
    model: String,
    firmware: String,
    serial: String,
    reach: Reach,
    ask: Option<Ask>,
    instruments: Vec<Instrument>,
    history: Vec<Presence>,
    stations: Vec<Station>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn measures(&self, instrument: &Instrument) -> String {
        instrument.quantities.iter().map(|quantity| title(quantity)).collect::<Vec<_>>().join(", ")
    }

    fn limits(&self, instrument: &Instrument) -> String {
        told_limits(&instrument.limits)
    }

    fn free(&self) -> usize {
        let is_free = |one: &&Instrument| one.absent_at_us.is_none() && one.station.is_none();
        self.instruments.iter().filter(is_free).count()
    }

    fn name(&self, presence: &Presence) -> String {
        [presence.model.as_str(), presence.serial.as_str()].join(" ").trim().to_owned()
    }
}

/// Answers with the page.
///
/// # Errors
/// 404 for an unknown unit.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let unit = find(&state, &id).await?;
    let now_us = state.clock.now_us();
    let live = StationFilter { unit: Some(unit.device.clone()), retired: Some(false), ..StationFilter::default() };
    let page = Page {
        layout: Layout::new(&request, "stations"),
        model: line(&unit.model),
        firmware: line(&unit.firmware),
        serial: line(&unit.serial),
        reach: Reach::new(unit.seen_at_us, unit.disabled, now_us),
        ask: state.store.last_command(&unit.device, Verb::Detect).await?.map(|command| Ask::new(&command, now_us)),
        instruments: state.store.instruments_of(&unit.device).await?,
        history: state.store.instrument_history(&unit.device).await?,
        stations: state.store.stations(&live).await?,
        unit,
        now_us,
    };
    answer::page(StatusCode::OK, &page)
}
