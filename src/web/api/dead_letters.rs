//! `GET /api/v1/dead-letters` and `POST /api/v1/dead-letters/{id}/redrive`.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::store::dead_letter_redrive::{Letter, LetterFilter};
use crate::web::{State, Visitor, WebError};

/// Letters of an answer when the program does not say, and at most.
const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// What the query asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    device: String,
    reason: String,
    with_stored: bool,
    before: Option<i64>,
    limit: Option<i64>,
}

/// A page of letters, the newest first.
#[derive(Debug, Serialize)]
pub struct Letters {
    dead_letters: Vec<One>,
    /// What to ask for next, as `before`; nothing at the end.
    next_before: Option<i64>,
}

#[derive(Debug, Serialize)]
struct One {
    dead_letter_id: i64,
    device: String,
    received_at_us: i64,
    topic: String,
    reason: String,
    payload_bytes: i64,
    /// The beginning of the payload, as text.
    payload_head: String,
    tries: i64,
    tried_at_us: Option<i64>,
    asked_at_us: Option<i64>,
    stored_at_us: Option<i64>,
}

impl From<Letter> for One {
    fn from(letter: Letter) -> Self {
        Self {
            dead_letter_id: letter.dead_letter_id,
            device: letter.device_id,
            received_at_us: letter.received_at_us,
            topic: letter.topic,
            reason: letter.reason,
            payload_bytes: letter.payload_bytes,
            payload_head: String::from_utf8_lossy(&letter.payload).into_owned(),
            tries: letter.tries,
            tried_at_us: letter.tried_at_us,
            asked_at_us: letter.asked_at_us,
            stored_at_us: letter.stored_at_us,
        }
    }
}

/// Answers with a page of letters.
///
/// # Errors
/// When the database fails.
pub async fn list(state: web::Data<State>, asked: web::Query<Asked>) -> Result<web::Json<Letters>, WebError> {
    let asked = asked.into_inner();
    let filter = LetterFilter { device: asked.device, reason: asked.reason, with_stored: asked.with_stored };
    let limit = asked.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let letters = state.store.letters(&filter, asked.before.unwrap_or(i64::MAX), limit).await?;
    let is_full = i64::try_from(letters.len()) == Ok(limit);
    let next_before = letters.last().filter(|_| is_full).map(|letter| letter.dead_letter_id);
    Ok(web::Json(Letters { dead_letters: letters.into_iter().map(One::from).collect(), next_before }))
}

/// Asks the node to try a letter again; 202, because it does so by itself a moment later.
///
/// # Errors
/// 404 for an unknown letter.
pub async fn redrive(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let id: i64 = id.parse().map_err(|_| WebError::NotFound("this dead letter"))?;
    if state.store.letter(id).await?.is_none() {
        return Err(WebError::NotFound("this dead letter"));
    }
    let asked = state.store.ask_redrive(&visitor.actor(), id, state.clock.now_us()).await?;
    Ok(HttpResponse::Accepted().json(json!({ "dead_letter_id": id, "asked": asked })))
}
