//! `GET` and `POST /experiments/{id}/cancel`: takes a waiting experiment out of its queue for good.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::find;
use crate::domain::audit::REASON_MAX;
use crate::store::StoreError;
use crate::store::experiments::Experiment;
use crate::web::answer::Notice;
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "experiments/cancel.html")]
struct Page {
    layout: Layout,
    experiment: Experiment,
    reason: String,
    problems: Problems,
    notice: Option<Notice>,
}

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Why; may be empty.
    pub reason: String,
    /// Version of the experiment the form was made of.
    pub version: i64,
}

/// Asks whether it is to be cancelled.
///
/// # Errors
/// 404 for an experiment that is not there.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?;
    if !experiment.state.is_waiting() {
        return Ok(answer::see_other(&format!("/experiments/{}", experiment.experiment)));
    }
    let layout = Layout::new(&request, "experiments");
    let page = Page { layout, experiment, reason: String::new(), problems: Problems::default(), notice: None };
    answer::page(StatusCode::OK, &page)
}

/// Cancels it.
///
/// # Errors
/// 404 for an experiment that is not there; what does not fit is told on the page.
pub async fn cancel(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?;
    let reason = line(&typed.reason);
    let page = |experiment, problems, notice| Page {
        layout: Layout::new(&request, "experiments"),
        experiment,
        reason: typed.reason.clone(),
        problems,
        notice,
    };
    if reason.chars().count() > REASON_MAX {
        let mut problems = Problems::default();
        problems.add("reason", format!("The reason is too long. Use {REASON_MAX} characters or fewer."));
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page(experiment, problems, None));
    }
    let seen = Experiment { version: typed.version, ..experiment };
    match state.store.cancel_experiment(&visitor.actor(), &seen, &reason, state.clock.now_us()).await {
        Ok(()) => Ok(answer::see_other(&format!("/experiments/{}?done=cancelled", seen.experiment))),
        Err(StoreError::Conflict(why)) => {
            let experiment = find(&state, &id).await?;
            answer::page(StatusCode::CONFLICT, &page(experiment, Problems::default(), Some(Notice::refused(why))))
        }
        Err(error) => Err(error.into()),
    }
}
