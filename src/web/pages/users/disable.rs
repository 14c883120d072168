//! `GET` and `POST /users/{id}/disable`: shuts somebody out, after a page that says what follows.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{Typed, find, is_self};
use crate::domain::audit::REASON_MAX;
use crate::store::StoreError;
use crate::store::users::{User, UserEdit};
use crate::web::answer::Notice;
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "users/disable.html")]
struct Page {
    layout: Layout,
    user: User,
    reason: String,
    problems: Problems,
    notice: Option<Notice>,
}

/// Asks whether they are to be shut out.
///
/// # Errors
/// 404 for somebody unknown, 409 for oneself.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let user = find(&state, &id).await?;
    not_oneself(&visitor, &user)?;
    if user.disabled {
        return Ok(answer::see_other(&format!("/users/{}", user.user_id)));
    }
    let layout = Layout::new(&request, "users");
    let page = Page { layout, user, reason: String::new(), problems: Problems::default(), notice: None };
    answer::page(StatusCode::OK, &page)
}

/// Shuts them out.
///
/// # Errors
/// 404 for somebody unknown, 409 for oneself; what does not fit is told on the page.
pub async fn disable(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let user = find(&state, &id).await?;
    not_oneself(&visitor, &user)?;
    let path = format!("/users/{}", user.user_id);
    if user.disabled {
        return Ok(answer::see_other(&format!("{path}?done=disabled")));
    }
    let reason = line(&typed.reason);
    let mut problems = Problems::default();
    if reason.is_empty() {
        problems.add("reason", "Say why, in a few words: the audit log keeps it.");
    } else if reason.chars().count() > REASON_MAX {
        problems.add("reason", format!("The reason is too long. Use {REASON_MAX} characters or fewer."));
    }
    let page = |user, problems, notice| Page {
        layout: Layout::new(&request, "users"),
        user,
        reason: typed.reason.clone(),
        problems,
        notice,
    };
    if !problems.is_empty() {
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page(user, problems, None));
    }
    let edit = UserEdit { full_name: user.full_name.clone(), role: user.role, disabled: true };
    let done = if typed.version == user.version {
        state.store.edit_user(&visitor.actor(), &user, &edit, &reason, state.clock.now_us()).await
    } else {
        Err(StoreError::Conflict(format!(
            "Somebody else changed {} in the meantime. Look at what this page says now, then decide again.",
            user.name
        )))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&format!("{path}?done=disabled"))),
        Err(StoreError::Conflict(why)) => {
            let user = find(&state, &id).await?;
            answer::page(StatusCode::CONFLICT, &page(user, problems, Some(Notice::refused(why))))
        }
        Err(error) => Err(error.into()),
    }
}

/// Nobody shuts themselves out by a slip.
fn not_oneself(visitor: &Visitor, user: &User) -> Result<(), WebError> {
    if !is_self(visitor, user) {
        return Ok(());
    }
    Err(WebError::Conflict("This is you. Another administrator can disable you, so that it is no slip.".to_owned()))
}
