//! `POST /account/password`: a new password; all other sessions end.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::super::session::{browser_of, give_cookie, refusal};
use super::show;
use crate::auth::password::Password;
use crate::auth::sign_in::{Answer, SignInError, Try};
use crate::auth::token::SessionToken;
use crate::auth::weak;
use crate::web::answer::see_other;
use crate::web::forms::Problems;
use crate::web::{State, Visitor, WebError};

/// The form.
#[derive(Deserialize)]
pub struct Form {
    current: Option<Password>,
    new: Option<Password>,
}

/// Changes the password of who is signed in; this session goes on under a new cookie.
///
/// # Errors
/// When a password cannot be compared or hashed, or the database fails.
pub async fn submit(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    form: web::Form<Form>,
) -> Result<HttpResponse, WebError> {
    let (own, Form { current, new }) = (visitor.user()?, form.into_inner());
    let filled = |password: Option<Password>| password.filter(|password| !password.reveal().is_empty());
    let mut problems = Problems::default();
    let (current, new) = (filled(current), filled(new));
    if current.is_none() {
        problems.add("current", "Enter your current password.");
    }
    match &new {
        None => problems.add("new", "Enter a new password."),
        Some(new) => {
            problems.take("new", weak::check(new, &own.name));
            if current.as_ref().is_some_and(|current| current.reveal() == new.reveal()) {
                problems.add("new", "This is your current password; take another one.");
            }
        }
    }
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let (Some(current), Some(new), true) = (current, new, problems.is_empty()) {
        let (browser, by, now_us) = (browser_of(&request, &state), visitor.actor(), state.clock.now_us());
        let this = Try { address: visitor.address, browser: &browser, by: &by, now_us };
        let answer = state.sign_in().again(own.user, current, None, this).await?;
        if let Answer::Right(user) = &answer {
            let hash = state.hasher.hash(new).await.map_err(SignInError::from)?;
            state.store.set_password(&by, user, hash.as_str(), Some(own.session), now_us).await?;
            let token = SessionToken::random().map_err(WebError::internal)?;
            state.store.confirm_session(&by, own.session, &token.sha256(), now_us).await?;
            let mut answer = see_other("/account?after=password");
            give_cookie(&mut answer, &state, &token);
            return Ok(answer);
        }
        if let Some((code, message)) = refusal(&state, &visitor, &answer, "The current password is not right.").await {
            status = code;
            problems.add("current", message);
        }
    }
    show(&request, &state, own, status, "", problems).await
}
