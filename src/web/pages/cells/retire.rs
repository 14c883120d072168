//! `GET` and `POST /cells/{id}/retire`, `POST /cells/{id}/bring-back`: takes a cell out of use, and back.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::find;
use crate::domain::audit::REASON_MAX;
use crate::store::StoreError;
use crate::store::cells::Cell;
use crate::web::answer::Notice;
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    reason: String,
    version: i64,
}

#[derive(Template)]
#[template(path = "cells/retire.html")]
struct Page {
    layout: Layout,
    cell: Cell,
    reason: String,
    problems: Problems,
    notice: Option<Notice>,
}

impl Page {
    fn new(request: &HttpRequest, cell: Cell, reason: &str) -> Self {
        Self {
            layout: Layout::new(request, "batteries"),
            cell,
            reason: reason.to_owned(),
            problems: Problems::default(),
            notice: None,
        }
    }
}

/// Asks whether it is to be retired.
///
/// # Errors
/// 404 for an unknown cell.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let cell = find(&state, &id).await?;
    if cell.retired_at_us.is_some() {
        return Ok(answer::see_other(&format!("/cells/{}", cell.cell_id)));
    }
    answer::page(StatusCode::OK, &Page::new(&request, cell, ""))
}

/// Retires it; a second time changes nothing.
///
/// # Errors
/// 404 for an unknown cell; what stands in the way is told on the page.
pub async fn retire(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let cell = find(&state, &id).await?;
    let path = format!("/cells/{}", cell.cell_id);
    if cell.retired_at_us.is_some() {
        return Ok(answer::see_other(&format!("{path}?done=retired")));
    }
    let reason = line(&typed.reason);
    let mut problems = Problems::default();
    if reason.is_empty() {
        problems.add("reason", "Say why, in a few words: the audit log keeps it.");
    } else if reason.chars().count() > REASON_MAX {
        problems.add("reason", format!("The reason is too long. Use {REASON_MAX} characters or fewer."));
    }
    if !problems.is_empty() {
        let page = Page { problems, ..Page::new(&request, cell, &typed.reason) };
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let done = if typed.version == cell.version {
        state.store.retire_cell(&visitor.actor(), &cell, true, &reason, state.clock.now_us()).await
    } else {
        let name = &cell.facts.name;
        Err(StoreError::Conflict(format!(
            "Somebody else changed {name} in the meantime. Look at it, then decide again."
        )))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&format!("{path}?done=retired"))),
        Err(StoreError::Conflict(why)) => {
            let cell = find(&state, &id).await?;
            let notice = Some(Notice::refused(why));
            let page = Page { notice, ..Page::new(&request, cell, &typed.reason) };
            answer::page(StatusCode::CONFLICT, &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// Brings it back into use.
///
/// # Errors
/// 404 for an unknown cell, 409 when somebody else changed it at this moment.
pub async fn bring_back(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let cell = find(&state, &id).await?;
    if cell.retired_at_us.is_some() {
        state.store.retire_cell(&visitor.actor(), &cell, false, "", state.clock.now_us()).await?;
    }
    Ok(answer::see_other(&format!("/cells/{}?done=back", cell.cell_id)))
}
