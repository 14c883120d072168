//! `GET` and `POST /api/v1/experiments`, `GET /api/v1/experiments/{id}`,
//! `POST /api/v1/experiments/{id}/{stop|pause|resume|cancel}`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::audit::REASON_MAX;
use crate::store::experiment_index::Row;
use crate::store::experiments::Experiment;
use crate::store::run_orders::Asked;
use crate::web::forms::{Problems, line, once_of};
use crate::web::pages::experiments::add::{self, Made, Typed};
use crate::web::pages::experiments::asked::Asked as Listed;
use crate::web::pages::experiments::find;
use crate::web::pages::experiments::order::{self, Deed};
use crate::web::{State, Visitor, WebError};

/// An experiment to be queued.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct New {
    /// Empty for one made of profile and battery.
    pub name: String,
    /// What a colleague should know.
    pub description: String,
    /// What is cycled.
    pub battery_id: i64,
    /// Where.
    pub station_id: i64,
    /// How.
    pub profile_id: i64,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// 32 hexadecimal digits of the program's own: sent twice, they queue one experiment.
    pub once: String,
}

/// Why a waiting experiment is cancelled, or a run ordered to do something.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Cancel {
    /// May be empty.
    pub reason: String,
}

/// The list: `technology battery station profile status tag q since until sort order page per_page`.
///
/// # Errors
/// 422 for a day that is none.
pub async fn list(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, WebError> {
    let (ask, problems) = Listed::of(request.query_string()).ask();
    if !problems.is_empty() {
        return Ok(refused(&problems));
    }
    let answer = state.experiments.answer(&state.store, ask, state.clock.now_us()).await?;
    let experiments: Vec<Value> = answer.rows.iter().map(row).collect();
    let (page, pages, total) = (answer.page, answer.pages, answer.total);
    Ok(HttpResponse::Ok().json(json!({ "experiments": experiments, "page": page, "pages": pages, "total": total })))
}

/// One experiment.
///
/// # Errors
/// 404 for one that is not there.
pub async fn show(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?;
    Ok(HttpResponse::Ok().json(whole(&experiment)))
}

/// Queues one, after the same checks as the form.
///
/// # Errors
/// 422 with every reason, 409 when something was retired meanwhile.
pub async fn queue(state: web::Data<State>, visitor: Visitor, body: web::Bytes) -> Result<HttpResponse, WebError> {
    let new: New = read(&body)?;
    if new.tags.iter().any(|tag| tag.contains([',', ';', '\n'])) {
        return Err(WebError::Invalid { target: "tags", message: "A tag has no comma and no semicolon.".to_owned() });
    }
    let typed = Typed {
        name: new.name,
        description: new.description,
        battery: new.battery_id.to_string(),
        station: new.station_id.to_string(),
        profile: new.profile_id.to_string(),
        tags: new.tags.join(","),
        ..Typed::default()
    };
    let mut problems = Problems::default();
    match add::make(&state, &visitor, &typed, once_of(&new.once), &mut problems).await? {
        Made::Queued(id) => {
            let experiment = find(&state, &id.to_string()).await?;
            Ok(HttpResponse::Created()
                .insert_header(("location", format!("/api/v1/experiments/{id}")))
                .json(whole(&experiment)))
        }
        Made::Refused => Ok(refused(&problems)),
        Made::Conflict(why) => Err(WebError::Conflict(why)),
    }
}

/// Takes one out of its queue.
///
/// # Errors
/// 404 for one that is not there, 409 for one that does not wait any more.
pub async fn cancel(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    body: web::Bytes,
) -> Result<HttpResponse, WebError> {
    let typed: Cancel = if body.is_empty() { Cancel::default() } else { read(&body)? };
    let reason: String = line(&typed.reason).chars().take(REASON_MAX).collect();
    let experiment = find(&state, &id).await?;
    state.store.cancel_experiment(&visitor.actor(), &experiment, &reason, state.clock.now_us()).await?;
    let experiment = find(&state, &id).await?;
    Ok(HttpResponse::Ok().json(whole(&experiment)))
}

/// Orders a run to stop.
///
/// # Errors
/// 404 for an experiment that is not there, 409 for one that only waits.
pub async fn stop(state: web::Data<State>, visitor: Visitor, id: web::Path<String>, body: web::Bytes) -> Answer {
    order(&state, &visitor, &id, &body, Deed::Stop).await
}

/// Orders a run to pause.
///
/// # Errors
/// 404 for an experiment that is not there, 409 for one that does not run.
pub async fn pause(state: web::Data<State>, visitor: Visitor, id: web::Path<String>, body: web::Bytes) -> Answer {
    order(&state, &visitor, &id, &body, Deed::Pause).await
}

/// Orders a paused run to go on.
///
/// # Errors
/// 404 for an experiment that is not there, 409 for one that is not paused.
pub async fn resume(state: web::Data<State>, visitor: Visitor, id: web::Path<String>, body: web::Bytes) -> Answer {
    order(&state, &visitor, &id, &body, Deed::Resume).await
}

type Answer = Result<HttpResponse, WebError>;

/// 202 with the experiment and the command its unit is told by: it is done when the unit says so.
async fn order(state: &State, visitor: &Visitor, id: &str, body: &[u8], deed: Deed) -> Answer {
    let typed: Cancel = if body.is_empty() { Cancel::default() } else { read(body)? };
    let reason: String = line(&typed.reason).chars().take(REASON_MAX).collect();
    let experiment = find(state, id).await?;
    let asked = order::give(state, &visitor.actor(), &experiment, deed, &reason).await?;
    let experiment = find(state, id).await?;
    let mut told = whole(&experiment);
    let (code, command) = match asked {
        Asked::Ordered(command) => (StatusCode::ACCEPTED, Some(command)),
        Asked::Already => (StatusCode::OK, None),
    };
    told["command_id"] = json!(command);
    Ok(HttpResponse::build(code).json(told))
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, WebError> {
    serde_json::from_slice(body).map_err(|error| WebError::Invalid { target: "body", message: error.to_string() })
}

fn refused(problems: &Problems) -> HttpResponse {
    let details: Vec<Value> = problems
        .all()
        .iter()
        .map(|problem| json!({ "target": named(&problem.field), "message": problem.message }))
        .collect();
    let message = problems.all().first().map_or("", |problem| problem.message.as_str());
    let error = json!({ "error": { "code": "invalid", "message": message, "details": details } });
    HttpResponse::build(StatusCode::UNPROCESSABLE_ENTITY).json(error)
}

/// A field of the form under its name in JSON.
fn named(field: &str) -> &str {
    match field {
        "battery" => "battery_id",
        "station" => "station_id",
        "profile" => "profile_id",
        other => other,
    }
}

fn row(row: &Row) -> Value {
    json!({
        "experiment_id": row.experiment,
        "name": row.name,
        "description": row.description,
        "tags": row.tags,
        "status": row.state,
        "reason": row.reason,
        "battery_id": row.battery,
        "battery": row.battery_name,
        "station_id": row.station,
        "station": row.station_name,
        "profile_id": row.profile,
        "profile": row.profile_name,
        "created_at_us": row.created_at_us,
        "started_at_us": row.started_at_us,
        "finished_at_us": row.finished_at_us,
    })
}

fn whole(experiment: &Experiment) -> Value {
    json!({
        "experiment_id": experiment.experiment,
        "name": experiment.name,
        "description": experiment.description,
        "tags": experiment.tags,
        "status": experiment.state,
        "reason": experiment.reason,
        "wait_reason": experiment.wait_reason,
        "version": experiment.version,
        "battery_id": experiment.battery,
        "battery": experiment.battery_name,
        "station_id": experiment.station,
        "station": experiment.station_name,
        "profile_id": experiment.profile,
        "profile": experiment.profile_name,
        "steps": experiment.steps,
        "electrolytes": experiment.electrolytes,
        "repeats": experiment.parent,
        "added_by": experiment.added_by,
        "created_at_us": experiment.created_at_us,
        "started_at_us": experiment.started_at_us,
        "finished_at_us": experiment.finished_at_us,
    })
}
