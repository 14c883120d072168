//! `POST /api/v1/emergency-stop`: outputs off, now; `GET` says which are.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::audit::REASON_MAX;
use crate::ingest::lookout::{Off, Output};
use crate::web::forms::line;
use crate::web::pages::emergency_stop::{halt, outputs, scope, word};
use crate::web::{State, Visitor, WebError};

/// What is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Order {
    /// `all`, `unit:ID` or `station:NUMBER`.
    scope: String,
    /// Why; may be empty.
    reason: String,
}

/// Switches off. Sent again, it is the same stop.
///
/// # Errors
/// 422 for a scope that is none.
pub async fn press(state: web::Data<State>, visitor: Visitor, body: web::Bytes) -> Result<HttpResponse, WebError> {
    let order: Order = if body.is_empty() {
        Order::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| WebError::Invalid { target: "body", message: error.to_string() })?
    };
    let wanted = scope(&order.scope).map_err(|message| WebError::Invalid { target: "scope", message })?;
    let reason: String = line(&order.reason).chars().take(REASON_MAX).collect();
    let told = halt(&state, visitor.actor(), &wanted, &reason).await?;
    Ok(HttpResponse::Ok().json(json!({
        "scope": word(&wanted),
        "outputs": told.iter().map(one).collect::<Vec<_>>(),
    })))
}

/// What is known of every output.
///
/// # Errors
/// When the database is asked and fails.
pub async fn look(state: web::Data<State>) -> Result<HttpResponse, WebError> {
    let all = outputs(&state).await?;
    Ok(HttpResponse::Ok().json(json!({ "outputs": all.iter().map(one).collect::<Vec<_>>() })))
}

fn one(output: &Output) -> Value {
    let (state, since_s, rests_in_s) = match output.off {
        Off::NotAsked => ("not_asked", None, None),
        Off::Confirmed(after) => ("off", Some(after), None),
        Off::Waiting(since) => ("waiting", Some(since), None),
        Off::NoAnswer(since, rests_in) => ("no_answer", Some(since), rests_in),
    };
    json!({
        "station_id": output.station.0,
        "station": output.station.1,
        "unit": output.unit,
        "experiment_id": output.run.as_ref().map(|(id, _)| id),
        "is_connected": output.is_heard,
        "state": state,
        "after_s": since_s.map(|since| since.as_secs_f64()),
        "rests_in_s": rests_in_s.map(|rests| rests.as_secs_f64()),
    })
}
