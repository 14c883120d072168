//! `POST /dead-letters/redrive` and `/dead-letters/{id}/redrive`: asks the node to try letters again.

use actix_web::{HttpResponse, web};

use super::Asked;
use crate::web::{State, Visitor, WebError, answer};

/// Marks every letter of a filter.
///
/// # Errors
/// When the database fails.
pub async fn all(state: web::Data<State>, visitor: Visitor, asked: web::Form<Asked>) -> Result<HttpResponse, WebError> {
    let asked = asked.into_inner();
    let marked = state.store.ask_redrive_all(&visitor.actor(), &asked.filter(), state.clock.now_us()).await?;
    let query = asked.query(None);
    let joint = if query.is_empty() { "?" } else { "&" };
    Ok(answer::see_other(&format!("/dead-letters{query}{joint}marked={marked}")))
}

/// Marks one letter; a second time changes nothing.
///
/// # Errors
/// 404 for an unknown letter.
pub async fn one(state: web::Data<State>, visitor: Visitor, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let id: i64 = id.parse().map_err(|_| WebError::NotFound("this dead letter"))?;
    if state.store.letter(id).await?.is_none() {
        return Err(WebError::NotFound("this dead letter"));
    }
    let marked = state.store.ask_redrive(&visitor.actor(), id, state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/dead-letters/{id}?marked={}", u8::from(marked))))
}
