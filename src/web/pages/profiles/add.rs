//! `GET` and `POST /profiles/new`, and `GET /profiles/{id}/copy`: a new profile.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::editor::Editor;
use super::find;
use super::typed::Typed;
use crate::store::StoreError;
use crate::web::answer::Notice;
use crate::web::forms::{Problems, once_of};
use crate::web::{State, Visitor, WebError, answer};

/// Answers with a form that shows an everyday cycle.
///
/// # Errors
/// When the page cannot be made.
pub async fn form(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, WebError> {
    let editor = Editor::new(&request, &state, Typed::example())?;
    answer::page(StatusCode::OK, &editor.tried().await?)
}

/// Answers with a form that shows a stored profile, to be stored under another name.
///
/// # Errors
/// 404 for an unknown profile.
pub async fn copy(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    let name = format!("{}, changed", profile.name);
    let typed = Typed { name, version: 0, ..Typed::of(&profile) };
    let notice = Notice::done(format!("This is a copy of {}, which stays as it is.", profile.name));
    let editor = Editor::new(&request, &state, typed)?.with_notice(notice);
    answer::page(StatusCode::OK, &editor.tried().await?)
}

/// Does what the button asks for: arranges steps, changes the view, tries, or stores.
///
/// # Errors
/// When the database fails; what does not fit is told on the page.
pub async fn add(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    pairs: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, WebError> {
    let mut typed = Typed::of_pairs(&pairs);
    if !typed.act.starts_with("save") {
        return answer::page(StatusCode::OK, &rearranged(&request, &state, typed).await?);
    }
    let mut problems = Problems::default();
    let Some(profile) = typed.profile(&mut problems) else {
        let editor = Editor::new(&request, &state, typed)?.with_problems(problems);
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &editor.tried().await?);
    };
    let once = once_of(&typed.once).map(str::to_owned);
    let same = state.store.profile_with_content(&profile.program).await?;
    // In this order: sent twice at once, what does the same may be what the other sending just stored.
    let made = state.store.profile_made_once(once.as_deref()).await?;
    if let Some(same) = same.filter(|_| made.is_none() && !typed.knows_same) {
        typed.knows_same = true;
        let editor = Editor::new(&request, &state, typed)?.with_same(same);
        return answer::page(StatusCode::CONFLICT, &editor.tried().await?);
    }
    let now_us = state.clock.now_us();
    match state.store.create_profile(&visitor.actor(), &profile, once.as_deref(), now_us).await {
        Ok(id) => Ok(answer::see_other(&format!("/profiles/{id}?done=added"))),
        Err(StoreError::Duplicate { name, .. }) => {
            problems.add("name", format!("{name} is there already. Choose another name."));
            let editor = Editor::new(&request, &state, typed)?.with_problems(problems);
            answer::page(StatusCode::UNPROCESSABLE_ENTITY, &editor.tried().await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The editor after a button that stores nothing.
///
/// # Errors
/// When the page cannot be made.
pub(super) async fn rearranged(request: &HttpRequest, state: &State, mut typed: Typed) -> Result<Editor, WebError> {
    let mut problems = Problems::default();
    let mut notes = Vec::new();
    let mut focus = None;
    match typed.act.as_str() {
        "view-text" => notes = typed.show_text(true, &mut problems),
        "view-table" => notes = typed.show_text(false, &mut problems),
        "check" | "" => {
            let _ = typed.program(&mut problems);
        }
        _ => focus = typed.arrange(),
    }
    let editor = Editor::new(request, state, typed)?;
    editor.with_problems(problems).with_notes(notes).with_focus(focus).tried().await
}
