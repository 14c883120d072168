//! `GET` and `POST /tokens/{id}/revoke`: takes a token back, after a page that says what follows.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use crate::store::tokens::ApiToken;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "tokens/revoke.html")]
struct Page {
    layout: Layout,
    token: ApiToken,
    used: Option<Moment>,
}

/// Asks whether it is to be taken back.
///
/// # Errors
/// 404 for an unknown token.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let token = find(&state, &id).await?;
    if token.revoked_at_us.is_some() {
        return Ok(answer::see_other("/tokens"));
    }
    let used = token.used_at_us.map(|at_us| Moment::new(at_us, state.clock.now_us()));
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "tokens"), token, used })
}

/// Takes it back; a second time changes nothing.
///
/// # Errors
/// 404 for an unknown token.
pub async fn revoke(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let token = find(&state, &id).await?;
    state.store.revoke_api_token(&visitor.actor(), &token, state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/tokens?done=revoked&to={}", token.api_token_id)))
}
