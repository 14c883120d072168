//! `/link/{token}`: somebody new, or somebody who forgot theirs, chooses a password.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::Gone;
use super::setup::checked_password;
use crate::auth::password::Password;
use crate::auth::sign_in::SignInError;
use crate::auth::token::LinkToken;
use crate::store::users::User;
use crate::web::answer::{page as html, see_other};
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError};

/// The form.
#[derive(Deserialize)]
pub struct Form {
    password: Option<Password>,
}

#[derive(Template)]
#[template(path = "session/link.html")]
struct LinkPage {
    layout: Layout,
    token: String,
    user: User,
    problems: Problems,
}

/// `GET /link/{token}`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    token: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let layout = Layout::new(&request, "");
    let Some((token, user)) = find(&state, &token).await? else { return gone(layout) };
    html(StatusCode::OK, &LinkPage { layout, token: token.reveal().to_owned(), user, problems: Problems::default() })
}

/// `POST /link/{token}`: sets the password and leads to the sign-in page.
///
/// # Errors
/// When the database fails or the password cannot be hashed.
pub async fn submit(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    token: web::Path<String>,
    form: web::Form<Form>,
) -> Result<HttpResponse, WebError> {
    let layout = Layout::new(&request, "");
    let Some((token, user)) = find(&state, &token).await? else { return gone(layout) };
    let mut problems = Problems::default();
    let Some(password) = checked_password(form.into_inner().password, &user.name, &mut problems) else {
        let page = LinkPage { layout, token: token.reveal().to_owned(), user, problems };
        return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let hash = state.hasher.hash(password).await.map_err(SignInError::from)?;
    let by = visitor.actor_named(&user.name, user.role.as_str());
    let now_us = state.clock.now_us();
    if !state.store.use_sign_in_link(&by, &user, &token.sha256(), hash.as_str(), now_us).await? {
        return gone(layout);
    }
    // A user name is letters, digits and .-_ only: it needs no quoting.
    Ok(see_other(&format!("/login?after=password&name={}", user.name)))
}

async fn find(state: &State, token: &str) -> Result<Option<(LinkToken, User)>, WebError> {
    let Some(token) = LinkToken::parse(token) else { return Ok(None) };
    let user = state.store.sign_in_link(&token.sha256(), state.clock.now_us()).await?;
    Ok(user.map(|user| (token, user)))
}

fn gone(layout: Layout) -> Result<HttpResponse, WebError> {
    Gone {
        layout,
        title: "This link opens nothing any more",
        why: "A sign-in link works once and for 72 hours. It was used, it is too old, or a newer one was made.",
        next: "If you chose your password with it, sign in. Otherwise ask an administrator for a new link.",
    }
    .answer()
}
