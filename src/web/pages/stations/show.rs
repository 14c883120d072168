//! `GET /stations/{id}`: one station: what it does, what it consists of, what waits for it, where it comes from.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::words::{currents, voltages};
use super::{find, status};
use crate::domain::command::{CommandState, Verb};
use crate::domain::ids::InstrumentId;
use crate::domain::measure::Measure;
use crate::store::instruments::Instrument;
use crate::store::outbox::Command;
use crate::store::stations_read::{Station, Waiting};
use crate::store::transitions::Transition;
use crate::web::answer::{DoneQuery, Notice};
use crate::web::live::Board;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::pages::monitor::read_lines;
use crate::web::pages::monitor::status::Status;
use crate::web::pages::units::Reach;
use crate::web::pages::wall::{self, Tile};
use crate::web::{State, WebError, answer};

/// Changes of state shown; the page of the experiment has all of them.
const TRANSITIONS_SHOWN: usize = 8;

#[derive(Template)]
#[template(path = "stations/show.html")]
struct Page {
    layout: Layout,
    station: Station,
    status: Status,
    reach: Option<Reach>,
    instruments: Vec<Instrument>,
    measures: Vec<Measure>,
    queue: Vec<Waiting>,
    /// What the monitor shows of it, with how far it is; nothing of stations that nothing drives.
    tile: Option<Tile>,
    transitions: Vec<Transition>,
    before: Vec<Station>,
    after: Option<Station>,
    told: Option<Command>,
    notice: Option<Notice>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn voltages(&self) -> String {
        voltages(&self.station.limits())
    }

    fn currents(&self) -> String {
        currents(&self.station.limits())
    }

    fn measures_of(&self, instrument: &InstrumentId) -> Vec<&Measure> {
        self.measures.iter().filter(|measure| measure.instrument == *instrument).collect()
    }

    /// How the unit stands to what it was told of its stations; nothing for a station nobody built.
    fn told_words(&self) -> String {
        let Some(told) = &self.told else { return String::new() };
        let unit = &told.device;
        match told.state {
            CommandState::Queued if self.reach.as_ref().is_some_and(Reach::is_connected) => {
                format!("{unit} is being told its stations.")
            }
            CommandState::Queued => format!("{unit} has not been told its stations yet: it hears when it connects."),
            CommandState::Sent | CommandState::Accepted => {
                format!("{unit} was told its stations and has not confirmed them yet.")
            }
            CommandState::Executed => format!("{unit} has confirmed its stations."),
            CommandState::Rejected if told.reason.is_empty() => format!("{unit} refuses its stations."),
            CommandState::Rejected => format!("{unit} refuses its stations: “{}”.", told.reason),
            CommandState::Expired => format!("{unit} did not confirm its stations."),
        }
    }

    fn has_trouble(&self) -> bool {
        self.told.as_ref().is_some_and(|told| matches!(told.state, CommandState::Rejected | CommandState::Expired))
    }

    fn absent(&self) -> usize {
        self.instruments.iter().filter(|one| one.absent_at_us.is_some()).count()
    }
}

/// Answers with the page.
///
/// # Errors
/// 404 for an unknown station.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    board: web::Data<Board>,
    id: web::Path<String>,
    query: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let station = find(&state, &id).await?;
    let now_us = state.clock.now_us();
    let name = &station.name;
    let notice = match query.done.as_str() {
        "built" => Some(format!("{name} was built.")),
        "modified" => Some(format!("{name} was modified. What was measured before stays with the station it follows.")),
        "retired" if !station.is_live() => Some(format!("{name} was retired; its instruments are free.")),
        "relaunched" => Some(format!("{name} is told to its unit once more.")),
        _ => None,
    };
    let (before, after) = state.store.station_line(&station).await?;
    let told = match &station.unit {
        Some(unit) if station.is_live() => state.store.last_command(unit, Verb::Stations).await?,
        _ => None,
    };
    let lines = if station.is_live() { read_lines(&state, board.forecasts(), now_us).await? } else { Vec::new() };
    let line = lines.into_iter().find(|line| line.station == Some(station.station_id));
    let tile = wall::tiles(line.as_slice(), now_us).pop();
    let mut transitions = match &station.experiment {
        Some((experiment, _)) => state.store.transitions(*experiment).await?,
        None => Vec::new(),
    };
    transitions.truncate(TRANSITIONS_SHOWN);
    let page = Page {
        tile,
        transitions,
        layout: Layout::new(&request, "stations"),
        status: status(&station, now_us),
        reach: station.unit.as_ref().map(|_| Reach::new(station.unit_seen_at_us, false, now_us)),
        instruments: state.store.station_instruments(station.station_id).await?,
        measures: state.store.station_measures(station.station_id).await?,
        queue: state.store.station_queue(station.station_id).await?,
        notice: notice.map(Notice::done),
        station,
        before,
        after,
        told,
        now_us,
    };
    answer::page(StatusCode::OK, &page)
}
