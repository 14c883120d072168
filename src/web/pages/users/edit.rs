//! `POST /users/{id}`: changes a full name or a role.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::show::Page;
use super::{Typed, find, take_full_name, take_role};
use crate::store::StoreError;
use crate::store::users::UserEdit;
use crate::web::answer::Notice;
use crate::web::forms::Problems;
use crate::web::{State, Visitor, WebError, answer};

/// Saves the form.
///
/// # Errors
/// 404 for somebody unknown; what does not fit is told on the page.
pub async fn save(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let user = find(&state, &id).await?;
    let mut typed = typed.into_inner();
    let mut problems = Problems::default();
    let full_name = take_full_name(&mut problems, &typed.full_name);
    let role = take_role(&mut problems, &typed.role);
    let (Some(full_name), Some(role)) = (full_name, role) else {
        let page = Page::new(&request, &state, &visitor, user, Some(typed)).with_problems(problems);
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let path = format!("/users/{}", user.user_id);
    if full_name == user.full_name && role == user.role {
        return Ok(answer::see_other(&format!("{path}?done=same")));
    }
    let edit = UserEdit { full_name, role, disabled: user.disabled };
    let done = if typed.version == user.version {
        state.store.edit_user(&visitor.actor(), &user, &edit, "", state.clock.now_us()).await
    } else {
        Err(StoreError::Conflict(format!(
            "Somebody else changed {} in the meantime. “As it is now” says what counts. What you typed is still in the \
             form: save it again to put it in place of theirs.",
            user.name
        )))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&format!("{path}?done=edited"))),
        Err(StoreError::Conflict(why)) => {
            let user = find(&state, &id).await?;
            typed.version = user.version;
            let page = Page::new(&request, &state, &visitor, user, Some(typed)).with_notice(Some(Notice::refused(why)));
            answer::page(StatusCode::CONFLICT, &page)
        }
        Err(error) => Err(error.into()),
    }
}
