//! Whether the process lives and whether it can do its work.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::web::State;

/// `GET /healthz`: the process answers.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok")
}

/// `GET /readyz`: 200 when everything needed works, otherwise 503 with the reasons.
pub async fn ready(state: web::Data<State>) -> HttpResponse {
    let reasons = state.not_ready().await;
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(json!({ "ready": reasons.is_empty(), "reasons": reasons }))
}
