//! `GET` and `POST /api/v1/profiles`, `GET /api/v1/profiles/{id}`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::profile::any::{self, Form};
use crate::domain::profile::{Converted, Program, text};
use crate::store::StoreError;
use crate::store::profiles::Profile;
use crate::web::forms::{Problems, once_of};
use crate::web::pages::profiles::list::Asked;
use crate::web::pages::profiles::{self, Entered};
use crate::web::{State, Visitor, WebError};

/// Most profiles of one answer.
const ROWS_MAX: usize = 200;
/// Profiles of an answer when nobody asks for another number.
const ROWS: usize = 50;

/// What a program asks of the list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Text to be found in name and description.
    q: String,
    /// `name`, `steps`, `cycles` or `changed`.
    sort: String,
    /// `asc` or `desc`.
    order: String,
    /// `true`: the retired ones; `all`; otherwise those in use.
    retired: String,
    /// From 1.
    page: usize,
    /// At most [`ROWS_MAX`].
    per_page: usize,
}

/// A profile to be stored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct New {
    /// Unique.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The profile in the text form, or as JSON of Cellar, a unicycler protocol or `PyBaMM` experiment strings.
    pub text: String,
    /// 32 hexadecimal digits of the program's own: sent twice, they store one profile.
    pub once: String,
}

/// The list.
///
/// # Errors
/// When the database fails.
pub async fn list(state: web::Data<State>, query: web::Query<Query>) -> Result<HttpResponse, WebError> {
    let asked = Asked::of_program(&query.q, &query.retired, &query.sort, &query.order);
    let found = asked.select(state.store.profiles().await?);
    let (page, rows) = (query.page.max(1), if query.per_page == 0 { ROWS } else { query.per_page.clamp(1, ROWS_MAX) });
    let (total, skipped) = (found.len(), (page - 1).saturating_mul(rows));
    let profiles: Vec<Value> = found.iter().skip(skipped).take(rows).map(whole).collect();
    let pages = total.div_ceil(rows).max(1);
    Ok(HttpResponse::Ok().json(json!({ "profiles": profiles, "page": page, "pages": pages, "total": total })))
}

/// One profile.
///
/// # Errors
/// 404 for one that is not there.
pub async fn show(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    Ok(HttpResponse::Ok().json(whole(&profiles::find(&state, &id).await?)))
}

/// Stores one.
///
/// # Errors
/// 422 with line and column of every problem of the text, 409 when the name is taken.
pub async fn add(state: web::Data<State>, visitor: Visitor, body: web::Bytes) -> Result<HttpResponse, WebError> {
    let new: New = serde_json::from_slice(&body)
        .map_err(|error| WebError::Invalid { target: "body", message: error.to_string() })?;
    let mut problems = Problems::default();
    let entered = Entered::check(&new.name, &new.description, &mut problems);
    let mut details: Vec<Value> =
        problems.all().iter().map(|problem| json!({ "target": problem.field, "message": problem.message })).collect();
    let read = read(&new.text).map_err(|faults| details.extend(faults)).ok();
    let Some(read) = read.filter(|_| details.is_empty()) else { return Ok(refused(&details)) };
    let profile = entered.profile(read.result, &new.text);
    let now_us = state.clock.now_us();
    match state.store.create_profile(&visitor.actor(), &profile, once_of(&new.once), now_us).await {
        Ok(id) => {
            let mut answer = whole(&profiles::find(&state, &id.to_string()).await?);
            // What another tool's form said and ours cannot.
            answer["notes"] = json!(read.notes);
            Ok(HttpResponse::Created().insert_header(("location", format!("/api/v1/profiles/{id}"))).json(answer))
        }
        Err(StoreError::Duplicate { name, .. }) => {
            Err(WebError::Conflict(format!("{name} is there already. Choose another name.")))
        }
        Err(error) => Err(error.into()),
    }
}

/// The program of a text, or its problems with their places.
fn read(typed: &str) -> Result<Converted<Program>, Vec<Value>> {
    if Form::of(typed) == Form::Text {
        let place = |fault: &text::TextFault| json!({ "target": "text", "message": fault.to_string(), "line": fault.line, "column": fault.column });
        let result = text::read(typed).map_err(|faults| faults.iter().map(place).collect::<Vec<_>>())?;
        return Ok(Converted { result, notes: Vec::new() });
    }
    let fault = |message: &String| json!({ "target": "text", "message": message });
    any::read(typed).map(|(_, read)| read).map_err(|faults| faults.iter().map(fault).collect())
}

fn refused(details: &[Value]) -> HttpResponse {
    let message = details.first().map_or(&Value::Null, |detail| &detail["message"]);
    let error = json!({ "error": { "code": "invalid", "message": message, "details": details } });
    HttpResponse::build(StatusCode::UNPROCESSABLE_ENTITY).json(error)
}

fn whole(profile: &Profile) -> Value {
    json!({
        "profile_id": profile.profile_id,
        "name": profile.name,
        "description": profile.description,
        "text": profile.text_form(),
        "steps": profile.program.steps,
        "cycles": profile.program.cycles,
        "retired_at_us": profile.retired_at_us,
        "version": profile.version,
        "created_at_us": profile.created_at_us,
        "updated_at_us": profile.updated_at_us,
    })
}
