//! `POST /logout`: ends the session here and in the browser.

use actix_web::{HttpResponse, web};

use super::take_cookie;
use crate::web::answer::see_other;
use crate::web::visitor::Principal;
use crate::web::{State, Visitor, WebError};

/// Ends the session on the server, takes the cookie back and leads to the sign-in page.
///
/// # Errors
/// When the database fails; the session still counts then.
pub async fn submit(state: web::Data<State>, visitor: Visitor) -> Result<HttpResponse, WebError> {
    if let Principal::User(user) = &visitor.principal {
        state.store.end_session(&visitor.actor(), user.user, user.session, state.clock.now_us()).await?;
        state.enrolments.forget(&user.session);
    }
    let mut answer = see_other("/login?after=sign-out");
    take_cookie(&mut answer, &state);
    Ok(answer)
}
