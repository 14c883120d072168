//! `GET /api/v1/alarms` and `POST /api/v1/alarms/{id}/acknowledge`: what is wrong, and the answers to it.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::store::alarm_list::{Alarm, PAGE_ROWS};
use crate::web::pages::alarms::{find, list::Asked, show::Typed};
use crate::web::{State, Visitor, WebError};

/// The alarms that pass the filter, the newest first, and what is not stored yet.
///
/// # Errors
/// When the database fails.
pub async fn list(state: web::Data<State>, asked: web::Query<Asked>) -> Result<HttpResponse, WebError> {
    let alarms = state.store.alarms(&asked.filter(), PAGE_ROWS).await?;
    let is_full = i64::try_from(alarms.len()).is_ok_and(|count| count == PAGE_ROWS);
    let before = alarms.last().filter(|_| is_full).map(|alarm| alarm.id);
    let rings = state.bell.rings();
    Ok(HttpResponse::Ok().json(json!({
        "open_alarms": rings.alarms,
        "open_warnings": rings.warnings,
        "alarms": alarms.iter().map(one).collect::<Vec<_>>(),
        "next_before": before,
    })))
}

/// Notes what somebody does about an alarm.
///
/// # Errors
/// 404 for one that is not there, 409 for one somebody else answered, 422 for an answer without words.
pub async fn acknowledge(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    body: web::Bytes,
) -> Result<HttpResponse, WebError> {
    let typed: Typed = serde_json::from_slice(&body)
        .map_err(|error| WebError::Invalid { target: "body", message: error.to_string() })?;
    let reason = typed.answer().map_err(|message| WebError::Invalid { target: "reason", message })?;
    let alarm = find(&state, &id).await?;
    state.store.acknowledge_alarm(&visitor.actor(), alarm.id, reason, state.clock.now_us()).await?;
    Ok(HttpResponse::Ok().json(one(&find(&state, &id).await?)))
}

fn one(alarm: &Alarm) -> Value {
    json!({
        "alarm_id": alarm.id,
        "severity": alarm.severity,
        "code": alarm.code,
        "message": alarm.message,
        "value": alarm.value,
        "limit": alarm.limit,
        "experiment_id": alarm.experiment.as_ref().map(|(id, _)| id),
        "station_id": alarm.station.as_ref().map(|(id, _)| id),
        "device": alarm.device,
        "at_us": alarm.at_us,
        "last_at_us": alarm.last_at_us,
        "repeat_count": alarm.repeat_count,
        "is_late": alarm.is_late,
        "cleared_at_us": alarm.cleared_at_us,
        "acknowledged_at_us": alarm.acknowledged_at_us,
        "acknowledged_by": alarm.acknowledged_by,
        "answer": alarm.answer,
    })
}
