//! `POST /stations/{id}/queue/hold` and `…/release`: whether a station starts what waits for it.

use actix_web::{HttpResponse, web};

use super::order::Typed;
use super::queue;
use crate::domain::audit::REASON_MAX;
use crate::web::forms::line;
use crate::web::{State, Visitor, WebError, answer};

/// Holds the queue: what runs goes on, nothing more is started.
///
/// # Errors
/// 404 for a station that is not there.
pub async fn hold(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    set(&state, &visitor, &id, true, &line(&typed.reason)).await
}

/// Releases the queue: the next experiment starts when the station is free.
///
/// # Errors
/// 404 for a station that is not there.
pub async fn release(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    set(&state, &visitor, &id, false, "").await
}

async fn set(state: &State, visitor: &Visitor, id: &str, hold: bool, reason: &str) -> Result<HttpResponse, WebError> {
    let (station, _) = queue::find(state, id).await?;
    let reason: String = reason.chars().take(REASON_MAX).collect();
    state.store.hold_queue(&visitor.actor(), station, hold, &reason, state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/stations/{station}/queue")))
}
