//! `GET` and `POST /users/{id}/reset-second-factor`: for somebody whose phone and recovery codes are gone.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use crate::store::users::User;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "users/reset_second_factor.html")]
struct Page {
    layout: Layout,
    user: User,
}

/// Asks whether it is to be turned off.
///
/// # Errors
/// 404 for somebody unknown.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let user = find(&state, &id).await?;
    if user.totp_secret.is_none() {
        return Ok(answer::see_other(&format!("/users/{}", user.user_id)));
    }
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "users"), user })
}

/// Turns it off.
///
/// # Errors
/// 404 for somebody unknown.
pub async fn reset(state: web::Data<State>, visitor: Visitor, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let user = find(&state, &id).await?;
    if user.totp_secret.is_some() {
        state.store.set_second_factor(&visitor.actor(), &user, None, state.clock.now_us()).await?;
    }
    Ok(answer::see_other(&format!("/users/{}?done=reset", user.user_id)))
}
