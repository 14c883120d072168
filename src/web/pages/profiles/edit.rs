//! `GET` and `POST /profiles/{id}/edit`: changes a stored profile.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::add::rearranged;
use super::editor::Editor;
use super::find;
use super::typed::Typed;
use crate::store::StoreError;
use crate::web::answer::Notice;
use crate::web::forms::Problems;
use crate::web::{State, Visitor, WebError, answer};

/// Answers with the form.
///
/// # Errors
/// 404 for an unknown profile.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    let editor = Editor::new(&request, &state, Typed::of(&profile))?.of(profile, false);
    answer::page(StatusCode::OK, &editor.tried().await?)
}

/// Does what the button asks for: arranges steps, changes the view, tries, or saves.
///
/// # Errors
/// 404 for an unknown profile; what does not fit is told on the page.
pub async fn save(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    pairs: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, WebError> {
    let stored = find(&state, &id).await?;
    let mut typed = Typed::of_pairs(&pairs);
    if !typed.act.starts_with("save") {
        let editor = rearranged(&request, &state, typed).await?;
        return answer::page(StatusCode::OK, &editor.of(stored, false));
    }
    let mut problems = Problems::default();
    let Some(edit) = typed.profile(&mut problems) else {
        let editor = Editor::new(&request, &state, typed)?.with_problems(problems).of(stored, false);
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &editor.tried().await?);
    };
    let path = format!("/profiles/{}", stored.profile_id);
    let is_same = edit.name == stored.name
        && edit.description == stored.description
        && edit.program == stored.program
        && (edit.text.is_empty() || edit.text == stored.text);
    if is_same {
        return Ok(answer::see_other(&format!("{path}?done=same")));
    }
    let done = if typed.version == stored.version {
        state.store.edit_profile(&visitor.actor(), &stored, &edit, state.clock.now_us()).await
    } else {
        Err(StoreError::Conflict(String::new()))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&format!("{path}?done=edited"))),
        Err(StoreError::Duplicate { name, .. }) => {
            problems.add("name", format!("{name} is there already. Choose another name."));
            let editor = Editor::new(&request, &state, typed)?.with_problems(problems).of(stored, false);
            answer::page(StatusCode::UNPROCESSABLE_ENTITY, &editor.tried().await?)
        }
        Err(StoreError::Conflict(_)) => {
            let stored = find(&state, &id).await?;
            typed.version = stored.version;
            let why = format!(
                "Somebody else changed {} in the meantime. “As it is now” says what is stored. What you typed is still in \
                 the form: save it again to put it in place of theirs.",
                stored.name
            );
            let editor = Editor::new(&request, &state, typed)?.with_notice(Notice::refused(why)).of(stored, true);
            answer::page(StatusCode::CONFLICT, &editor.tried().await?)
        }
        Err(error) => Err(error.into()),
    }
}
