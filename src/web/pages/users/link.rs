//! `POST /users/{id}/link`: a one-time link with which somebody chooses a password. It is shown this once.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use crate::auth::sign_in::LINK_US;
use crate::auth::token::LinkToken;
use crate::store::users::User;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "users/link.html")]
struct Page {
    layout: Layout,
    user: User,
    is_new: bool,
    url: String,
    expires: Moment,
}

/// Makes a link and shows it; an earlier one no longer works.
///
/// # Errors
/// 404 for somebody unknown, 409 for somebody who is disabled.
pub async fn make(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let user = find(&state, &id).await?;
    if user.disabled {
        let why = format!("{} is disabled, so a sign-in link would not work. Enable {} first.", user.name, user.name);
        return Err(WebError::Conflict(why));
    }
    show_new(&request, &state, &visitor, &user, false).await
}

/// Makes a link for somebody and answers with the page that shows it.
pub(super) async fn show_new(
    request: &HttpRequest,
    state: &State,
    visitor: &Visitor,
    user: &User,
    is_new: bool,
) -> Result<HttpResponse, WebError> {
    let token = LinkToken::random().map_err(WebError::internal)?;
    let now_us = state.clock.now_us();
    let expires_at_us = now_us + LINK_US;
    state.store.add_sign_in_link(&visitor.actor(), user, &token.sha256(), expires_at_us, now_us).await?;
    let scheme = if state.is_secure { "https" } else { "http" };
    // The guard answered only because this host is ours.
    let host = request.connection_info().host().to_owned();
    answer::secret_page(&Page {
        layout: Layout::new(request, "users"),
        user: user.clone(),
        is_new,
        url: format!("{scheme}://{host}/link/{}", token.reveal()),
        expires: Moment::new(expires_at_us, now_us),
    })
}
