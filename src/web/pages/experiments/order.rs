//! `GET` and `POST /experiments/{id}/stop`, `…/pause` and `…/resume`: orders to a run, each with a page that asks first.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::find;
use crate::domain::audit::{Actor, REASON_MAX};
use crate::domain::experiment::ExperimentState;
use crate::store::StoreError;
use crate::store::experiments::Experiment;
use crate::store::run_orders::Asked;
use crate::web::answer::Notice;
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// What can be ordered of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// End it, output off.
    Stop,
    /// Hold it, output off.
    Pause,
    /// Go on in the step it was held in.
    Resume,
}

impl Deed {
    /// The last part of the address.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    /// On buttons and headings.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Stop => "Stop",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
        }
    }

    /// Its icon.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Stop => "hand-stop",
            Self::Pause => "player-pause",
            Self::Resume => "player-play",
        }
    }

    /// What can be ordered of a run in a state.
    #[must_use]
    pub fn of(state: ExperimentState) -> &'static [Self] {
        match state {
            ExperimentState::Running => &[Self::Pause, Self::Stop],
            ExperimentState::Paused => &[Self::Resume, Self::Stop],
            ExperimentState::Starting
            | ExperimentState::Finishing
            | ExperimentState::CommsLost
            | ExperimentState::Stopping => &[Self::Stop],
            _ => &[],
        }
    }
}

#[derive(Template)]
#[template(path = "experiments/order.html")]
struct Page {
    layout: Layout,
    deed: Deed,
    experiment: Experiment,
    reason: String,
    problems: Problems,
    notice: Option<Notice>,
}

impl Page {
    fn is_possible(&self) -> bool {
        Deed::of(self.experiment.state).contains(&self.deed)
    }

    /// The unit that will be told.
    fn unit(&self) -> &str {
        self.experiment.unit.as_deref().unwrap_or("its unit")
    }
}

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Why; may be empty.
    pub reason: String,
}

/// Asks whether it is to be stopped.
///
/// # Errors
/// 404 for an experiment that is not there.
pub async fn stop_form(request: HttpRequest, state: web::Data<State>, id: web::Path<String>) -> Answer {
    form(&request, &state, &id, Deed::Stop).await
}

/// Asks whether it is to be paused.
///
/// # Errors
/// 404 for an experiment that is not there.
pub async fn pause_form(request: HttpRequest, state: web::Data<State>, id: web::Path<String>) -> Answer {
    form(&request, &state, &id, Deed::Pause).await
}

/// Asks whether it is to go on.
///
/// # Errors
/// 404 for an experiment that is not there.
pub async fn resume_form(request: HttpRequest, state: web::Data<State>, id: web::Path<String>) -> Answer {
    form(&request, &state, &id, Deed::Resume).await
}

/// Orders it to stop.
///
/// # Errors
/// 404 for an experiment that is not there; what does not fit is told on the page.
pub async fn stop(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Answer {
    order(&request, &state, &visitor, &id, &typed, Deed::Stop).await
}

/// Orders it to pause.
///
/// # Errors
/// 404 for an experiment that is not there; what does not fit is told on the page.
pub async fn pause(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Answer {
    order(&request, &state, &visitor, &id, &typed, Deed::Pause).await
}

/// Orders it to go on.
///
/// # Errors
/// 404 for an experiment that is not there; what does not fit is told on the page.
pub async fn resume(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Answer {
    order(&request, &state, &visitor, &id, &typed, Deed::Resume).await
}

type Answer = Result<HttpResponse, WebError>;

async fn form(request: &HttpRequest, state: &State, id: &str, deed: Deed) -> Answer {
    let experiment = find(state, id).await?;
    let layout = Layout::new(request, "experiments");
    let page = Page { layout, deed, experiment, reason: String::new(), problems: Problems::default(), notice: None };
    answer::page(StatusCode::OK, &page)
}

async fn order(request: &HttpRequest, state: &State, visitor: &Visitor, id: &str, typed: &Typed, deed: Deed) -> Answer {
    let experiment = find(state, id).await?;
    let reason = line(&typed.reason);
    let mut problems = Problems::default();
    if reason.chars().count() > REASON_MAX {
        problems.add("reason", format!("The reason is too long. Use {REASON_MAX} characters or fewer."));
    }
    let (code, experiment, notice) = if problems.is_empty() {
        match give(state, &visitor.actor(), &experiment, deed, &reason).await {
            Ok(_) => {
                let back = format!("/experiments/{}?done={}", experiment.experiment, deed.word());
                return Ok(answer::see_other(&back));
            }
            Err(StoreError::Conflict(why)) => {
                (StatusCode::CONFLICT, find(state, id).await?, Some(Notice::refused(why)))
            }
            Err(error) => return Err(error.into()),
        }
    } else {
        (StatusCode::UNPROCESSABLE_ENTITY, experiment, None)
    };
    let layout = Layout::new(request, "experiments");
    let page = Page { layout, deed, experiment, reason: typed.reason.clone(), problems, notice };
    answer::page(code, &page)
}

/// Gives the order.
pub(in crate::web) async fn give(
    state: &State,
    by: &Actor,
    experiment: &Experiment,
    deed: Deed,
    reason: &str,
) -> Result<Asked, StoreError> {
    let (id, now_us) = (experiment.experiment, state.clock.now_us());
    match deed {
        Deed::Stop => state.store.ask_stop(by, id, reason, now_us).await,
        Deed::Pause => state.store.ask_pause(by, id, reason, now_us).await,
        Deed::Resume => state.store.ask_resume(by, id, reason, now_us).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_can_be_stopped_and_nothing_else_can() {
        for (state, _) in ExperimentState::ALL {
            let is_run = !state.is_over() && !state.is_waiting();
            assert_eq!(Deed::of(state).contains(&Deed::Stop), is_run, "{state:?}");
        }
    }
}
