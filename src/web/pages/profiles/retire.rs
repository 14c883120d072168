//! `GET` and `POST /profiles/{id}/retire`, `POST /profiles/{id}/bring-back`: what can be chosen for experiments.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::find;
use crate::store::StoreError;
use crate::store::profiles::Profile;
use crate::web::answer::Notice;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "profiles/retire.html")]
struct Page {
    layout: Layout,
    profile: Profile,
    notice: Option<Notice>,
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    /// Version of the profile the form was made of.
    version: i64,
}

/// Asks whether it is to be retired.
///
/// # Errors
/// 404 for an unknown profile.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    if profile.retired_at_us.is_some() {
        return Ok(answer::see_other(&format!("/profiles/{}", profile.profile_id)));
    }
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "profiles"), profile, notice: None })
}

/// Retires it.
///
/// # Errors
/// 404 for an unknown profile; a change by somebody else is told on the page.
pub async fn retire(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    sent: web::Form<Sent>,
) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    let path = format!("/profiles/{}?done=retired", profile.profile_id);
    if profile.retired_at_us.is_some() {
        return Ok(answer::see_other(&path));
    }
    let done = if sent.version == profile.version {
        state.store.retire_profile(&visitor.actor(), &profile, true, state.clock.now_us()).await
    } else {
        Err(StoreError::Conflict(String::new()))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&path)),
        Err(StoreError::Conflict(_)) => {
            let profile = find(&state, &id).await?;
            let why = format!("Somebody else changed {} in the meantime. Look at it, then decide again.", profile.name);
            let layout = Layout::new(&request, "profiles");
            answer::page(StatusCode::CONFLICT, &Page { layout, profile, notice: Some(Notice::refused(why)) })
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets it be chosen again.
///
/// # Errors
/// 404 for an unknown profile, 409 when somebody else changed it at this moment.
pub async fn bring_back(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    if profile.retired_at_us.is_some() {
        state.store.retire_profile(&visitor.actor(), &profile, false, state.clock.now_us()).await?;
    }
    Ok(answer::see_other(&format!("/profiles/{}?done=back", profile.profile_id)))
}
