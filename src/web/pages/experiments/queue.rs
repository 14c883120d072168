//! `GET /stations/{id}/queue` and `POST /stations/{id}/queue/move`: what waits for a station, and in which order.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::order::Deed;
use super::status;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{ExperimentId, StationId};
use crate::store::StoreError;
use crate::store::experiment_queue::{Direction, Waiting};
use crate::store::run_orders::hold::Hold;
use crate::web::answer::Notice;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::pages::monitor::status::Status;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "experiments/queue.html")]
struct Page {
    layout: Layout,
    station: StationId,
    name: String,
    at_work: Option<(ExperimentId, String, ExperimentState)>,
    waiting: Vec<Waiting>,
    /// Why the first one waits, if the scheduler said so.
    obstacle: Option<String>,
    held: Option<Hold>,
    /// The one that was moved, and which way: its button keeps the focus.
    moved: Option<(ExperimentId, Direction)>,
    notice: Option<Notice>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn status(&self, state: &ExperimentState) -> Status {
        status(*state)
    }

    fn can_stop(&self, state: &ExperimentState) -> bool {
        Deed::of(*state).contains(&Deed::Stop)
    }

    fn is_moved(&self, waiting: &Waiting, up: bool) -> bool {
        let direction = if up { Direction::Up } else { Direction::Down };
        self.moved == Some((waiting.experiment, direction))
    }
}

/// The address of the page.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    moved: Option<i64>,
    direction: String,
}

/// What a button sends.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Which experiment.
    pub experiment: i64,
    /// Its version when the page was made.
    pub version: i64,
    /// `up` or `down`.
    pub direction: String,
}

fn direction_of(word: &str) -> Option<Direction> {
    match word {
        "up" => Some(Direction::Up),
        "down" => Some(Direction::Down),
        _ => None,
    }
}

/// Answers with the queue.
///
/// # Errors
/// 404 for a station that is not there.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, WebError> {
    let moved = query.moved.map(ExperimentId).zip(direction_of(&query.direction));
    render(&request, &state, &id, moved, None, StatusCode::OK).await
}

async fn render(
    request: &HttpRequest,
    state: &State,
    id: &str,
    moved: Option<(ExperimentId, Direction)>,
    refused: Option<Notice>,
    code: StatusCode,
) -> Result<HttpResponse, WebError> {
    let (station, name) = find(state, id).await?;
    let waiting = state.store.queue(station).await?;
    let place = |moved: ExperimentId| waiting.iter().position(|waiting| waiting.experiment == moved);
    let told = moved.and_then(|(experiment, _)| Some((experiment, place(experiment)? + 1)));
    let done = told.map(|(experiment, place)| {
        Notice::done(format!("Experiment {experiment} is number {place} of {} in the queue now.", waiting.len()))
    });
    let reasons = state.store.wait_reasons(station).await?;
    let first = waiting.first().map(|first| first.experiment);
    let obstacle = reasons.into_iter().find(|(experiment, _)| Some(*experiment) == first).map(|(_, reason)| reason);
    let page = Page {
        layout: Layout::new(request, "stations"),
        station,
        obstacle,
        held: state.store.held_queue(station).await?,
        name,
        at_work: state.store.experiment_at_work(station).await?,
        waiting,
        moved,
        notice: refused.or(done),
        now_us: state.clock.now_us(),
    };
    answer::page(code, &page)
}

/// Moves one experiment by a place.
///
/// # Errors
/// 404 for a station that is not there, 422 for a direction that is none; a lost race is told on the page.
pub async fn move_one(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let (station, _) = find(&state, &id).await?;
    let direction = direction_of(&typed.direction).ok_or_else(|| WebError::Invalid {
        target: "direction",
        message: format!("“{}” is neither up nor down.", typed.direction),
    })?;
    let experiment = ExperimentId(typed.experiment);
    let now_us = state.clock.now_us();
    let moved =
        state.store.move_in_queue(&visitor.actor(), station, experiment, typed.version, direction, now_us).await;
    match moved {
        Ok(_) => Ok(answer::see_other(&format!(
            "/stations/{station}/queue?moved={experiment}&direction={}",
            typed.direction
        ))),
        Err(StoreError::Conflict(why)) => {
            let refused = Some(Notice::refused(why));
            render(&request, &state, &id, None, refused, StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The station of an address, and its name.
pub(super) async fn find(state: &State, id: &str) -> Result<(StationId, String), WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such station");
    let station = StationId(id.parse().map_err(|_| UNKNOWN)?);
    let name = state.store.station_name(station).await?.ok_or(UNKNOWN)?;
    Ok((station, name))
}
