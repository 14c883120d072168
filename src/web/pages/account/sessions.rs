//! `POST /account/sessions/…`: ends sessions of one's own.

use actix_web::{HttpResponse, web};

use super::super::session::take_cookie;
use crate::domain::ids::SessionId;
use crate::web::answer::see_other;
use crate::web::{State, Visitor, WebError};

/// Ends one session.
///
/// # Errors
/// [`WebError::NotFound`] when it is somebody else's or has ended.
pub async fn end(state: web::Data<State>, visitor: Visitor, session: web::Path<i64>) -> Result<HttpResponse, WebError> {
    let (own, session) = (visitor.user()?, SessionId(*session));
    if !state.store.end_session(&visitor.actor(), own.user, session, state.clock.now_us()).await? {
        return Err(WebError::NotFound("such session of yours"));
    }
    if session != own.session {
        return Ok(see_other("/account?after=end"));
    }
    let mut answer = see_other("/login?after=sign-out");
    take_cookie(&mut answer, &state);
    Ok(answer)
}

/// Ends all sessions but this one.
///
/// # Errors
/// When the database fails.
pub async fn end_others(state: web::Data<State>, visitor: Visitor) -> Result<HttpResponse, WebError> {
    let own = visitor.user()?;
    let user = state.store.user(own.user).await?.ok_or(WebError::SignIn)?;
    state.store.end_other_sessions(&visitor.actor(), &user, Some(own.session), state.clock.now_us()).await?;
    Ok(see_other("/account?after=end-others"))
}
