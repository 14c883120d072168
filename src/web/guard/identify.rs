//! Who sends a request: by session cookie, by token, or at the demo's own machine.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::header;

use crate::auth::session::{self, Age};
use crate::auth::token::{ApiToken, SessionToken};
use crate::domain::user::{Role, Scope};
use crate::store::StoreError;
use crate::web::routes::{Access, Entry};
use crate::web::visitor::{Principal, Program, SignedIn};
use crate::web::{State, WebError, cookie};

/// How long a page waits for that.
const NOTE_MAX: Duration = Duration::from_millis(500);
/// How old a noted time of last use may get before it is written again, µs: not a write for every request.
const SEEN_PERIOD_US: i64 = 60_000_000;

/// The visitor, and the cookie value that forms are bound to if there is a session.
pub(super) async fn identify(
    entry: &Entry,
    request: &ServiceRequest,
    state: &State,
) -> Result<(Principal, Option<String>), WebError> {
    // Elsewhere than at the API a token says nothing: who sends one along to a public page gets the page.
    if let Some(bearer) = bearer(request).filter(|_| entry.access != Access::Public) {
        return Ok((Principal::Program(program(entry, bearer, state).await?), None));
    }
    let now_us = state.clock.now_us();
    let sent = cookie::read(request.headers(), cookie::session_name(state.is_secure)).and_then(SessionToken::parse);
    if let Some(token) = sent
        && let Some(session) = state.store.session(&token.sha256()).await?
        && session::age(&session, now_us) == Age::Good
    {
        if now_us - session.seen_at_us > SEEN_PERIOD_US {
            note(state.store.session_seen(session.session_id, now_us)).await;
        }
        let user = SignedIn {
            user: session.user_id,
            name: session.name,
            full_name: session.full_name,
            role: session.role,
            session: session.session_id,
            confirmed_at_us: session.confirmed_at_us,
        };
        return Ok((Principal::User(user), Some(token.reveal().to_owned())));
    }
    let is_here = address(request).is_loopback();
    Ok((if state.is_demo && is_here { Principal::Demo } else { Principal::Nobody }, None))
}

/// Notes a time of last use, if that is possible soon: pages are read when nothing can be written, for instance because the
/// disk is full, and exactly then somebody wants to read them.
async fn note(noting: impl Future<Output = Result<(), StoreError>>) {
    match tokio::time::timeout(NOTE_MAX, noting).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a time of last use was not noted"),
        Err(_) => tracing::warn!("a time of last use was not noted within {} ms", NOTE_MAX.as_millis()),
    }
}

/// The program behind a token.
async fn program(entry: &Entry, bearer: &str, state: &State) -> Result<Program, WebError> {
    const UNKNOWN: WebError = WebError::BadToken("This token is unknown, revoked, or its owner is disabled.");
    if !entry.is_for_programs() {
        return Err(WebError::BadToken("Tokens work for the API only, below /api/."));
    }
    let token = ApiToken::parse(bearer).map_err(|_| WebError::BadToken("This is not a token of this server."))?;
    let token = state.store.api_token(&token.sha256()).await?.ok_or(UNKNOWN)?;
    let now_us = state.clock.now_us();
    if token.expires_at_us <= now_us {
        return Err(WebError::BadToken("This token has expired. Make a new one."));
    }
    if token.used_at_us.is_none_or(|used_at_us| now_us - used_at_us > SEEN_PERIOD_US) {
        note(state.store.api_token_used(token.api_token_id, now_us)).await;
    }
    let role = if token.scope == Scope::Read { Role::Viewer } else { token.role.min(Role::Operator) };
    Ok(Program { token: token.api_token_id, owner: token.owner, name: token.name, role, scope: token.scope })
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// Where the connection comes from. What a proxy says of others is not believed.
pub(super) fn address(request: &ServiceRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical())
}
