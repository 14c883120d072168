//! Signing in and out, the first run, and one-time links.

pub mod link;
pub mod login;
pub mod logout;
pub mod setup;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use sha2::{Digest, Sha256};

use crate::auth::session::ABSOLUTE_US;
use crate::auth::sign_in::{Answer, Refusal, SignInError};
use crate::auth::throttle::Wait;
use crate::auth::token::SessionToken;
use crate::domain::audit::Change;
use crate::store::sessions::NewSession;
use crate::store::users::User;
use crate::web::answer::{page as html, see_other};
use crate::web::error::local_path;
use crate::web::page::Layout;
use crate::web::pages::account::words::wait_words;
use crate::web::visitor::Principal;
use crate::web::{State, Visitor, WebError, cookie};

/// A page of its own for a link that opens nothing.
#[derive(Template)]
#[template(path = "session/gone.html")]
struct Gone {
    layout: Layout,
    title: &'static str,
    why: &'static str,
    next: &'static str,
}

impl Gone {
    fn answer(self) -> Result<HttpResponse, WebError> {
        html(StatusCode::NOT_FOUND, &self)
    }
}

/// Opens a session for somebody who proved who they are, and leads to where they wanted to go. The session this browser
/// was in before ends.
pub(super) async fn enter(state: &State, visitor: &Visitor, user: &User, back: &str) -> Result<HttpResponse, WebError> {
    let (token, now_us) = (SessionToken::random().map_err(WebError::internal)?, state.clock.now_us());
    let by = visitor.actor_named(&user.name, user.role.as_str());
    let address = visitor.address.to_string();
    let session = NewSession { token_sha256: &token.sha256(), address: &address, agent: &visitor.agent };
    state.store.add_session(&by, user.user_id, session, now_us).await?;
    if let Principal::User(old) = &visitor.principal {
        state.store.end_session(&visitor.actor(), old.user, old.session, now_us).await?;
    }
    let mut answer = see_other(local_path(back));
    give_cookie(&mut answer, state, &token);
    Ok(answer)
}

/// Gives the browser the cookie of its session.
pub(super) fn give_cookie(answer: &mut HttpResponse, state: &State, token: &SessionToken) {
    let name = cookie::session_name(state.is_secure);
    cookie::set(answer.headers_mut(), name, token.reveal(), state.is_secure, Some(ABSOLUTE_US / 1_000_000));
}

/// Takes the cookie of the session away.
pub(super) fn take_cookie(answer: &mut HttpResponse, state: &State) {
    let name = cookie::session_name(state.is_secure);
    cookie::set(answer.headers_mut(), name, "", state.is_secure, Some(0));
}

/// What only this browser sends: its cookies of ours, hashed.
pub(super) fn browser_of(request: &HttpRequest, state: &State) -> [u8; 32] {
    let names = [cookie::visit_name(state.is_secure), cookie::session_name(state.is_secure)];
    let mut hasher = Sha256::new();
    for name in names {
        hasher.update(cookie::read(request.headers(), name).unwrap_or_default());
        hasher.update([0]);
    }
    hasher.finalize().into()
}

/// What to tell somebody whose try failed, and the status of the answer; `None` when it did not fail. Writes it to the
/// log, and to the audit log unless the same happened a moment ago.
pub(super) async fn refusal(
    state: &State,
    visitor: &Visitor,
    answer: &Answer,
    wrong: &str,
) -> Option<(StatusCode, String)> {
    match answer {
        Answer::Wrong(refusal) => {
            note(state, visitor, refusal).await;
            let what = if refusal.is_code { "The code is not right, or it was used before." } else { wrong };
            Some((StatusCode::UNPROCESSABLE_ENTITY, format!("{what} {}", outlook(refusal))))
        }
        Answer::TooEarly(Wait { seconds }) => {
            let wait = wait_words(*seconds);
            Some((
                StatusCode::TOO_MANY_REQUESTS,
                format!("Too many tries were wrong. The next one is possible in {wait}."),
            ))
        }
        Answer::Right(_) | Answer::CodeNext(_) | Answer::Expired => None,
    }
}

/// What comes after a wrong try.
fn outlook(refusal: &Refusal) -> String {
    match (refusal.tries_left, refusal.pause_s) {
        (0, 0) => "The next try that is wrong brings a pause.".to_owned(),
        (0, pause_s) => format!("The next try is possible in {}.", wait_words(pause_s)),
        (1, _) => "1 try left before a pause of 1 s.".to_owned(),
        (tries, _) => format!("{tries} tries left before a pause of 1 s."),
    }
}

/// Notes a refused try. A name that nobody has is not written down: people type their password there by mistake.
async fn note(state: &State, visitor: &Visitor, refusal: &Refusal) {
    let (name, address) = (refusal.user_name.as_deref(), visitor.address);
    let what = if refusal.is_code { "wrong code" } else { "wrong password" };
    tracing::info!(user = name.unwrap_or("-"), %address, what, "sign-in refused");
    let now_us = state.clock.now_us();
    if !state.denials.is_worth_noting("sign-in refused", &format!("{} {address}", name.unwrap_or("-")), now_us) {
        return;
    }
    let object = name.map_or_else(|| "a name nobody has".to_owned(), |name| format!("user {name}"));
    let change = Change::new("refuse sign-in", object).because(what);
    if let Err(error) = state.store.audit(&visitor.actor(), &change, now_us).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a refused sign-in could not be written to the audit log"
        );
    }
}

impl From<SignInError> for WebError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Password(crate::auth::password::PasswordError::Busy) => {
                Self::Unavailable("Too many people sign in at this moment. Try again in a few seconds.")
            }
            SignInError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}
