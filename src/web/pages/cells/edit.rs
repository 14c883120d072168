//! `GET` and `POST /cells/{id}/edit`: tells a cell better.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::add::name_is_taken;
use super::find;
use super::form::{Form, Typed};
use crate::store::StoreError;
use crate::store::cells::Cell;
use crate::web::answer::Notice;
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "cells/edit.html")]
struct Page {
    layout: Layout,
    cell: Cell,
    form: Form,
    notice: Option<Notice>,
}

/// Answers with the form.
///
/// # Errors
/// 404 for an unknown cell.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let cell = find(&state, &id).await?;
    let form = Form { typed: Typed::of(&cell), problems: Problems::default() };
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "batteries"), cell, form, notice: None })
}

/// Saves the form.
///
/// # Errors
/// 404 for an unknown cell; what does not fit is told on the page.
pub async fn save(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let cell = find(&state, &id).await?;
    let mut typed = typed.into_inner();
    let layout = Layout::new(&request, "batteries");
    let refused = |typed, problems, cell, layout| {
        let page = Page { layout, cell, form: Form { typed, problems }, notice: None };
        answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
    };
    let facts = match typed.check(Some(&cell.facts)) {
        Ok(facts) => facts,
        Err(problems) => return refused(typed, problems, cell, layout),
    };
    let path = format!("/cells/{}", cell.cell_id);
    if facts == cell.facts {
        return Ok(answer::see_other(&format!("{path}?done=same")));
    }
    let done = if typed.version == cell.version {
        state.store.edit_cell(&visitor.actor(), &cell, &facts, state.clock.now_us()).await
    } else {
        Err(StoreError::Conflict(format!(
            "Somebody else changed {} in the meantime. “As it is now” says what counts. What you typed is still in the \
             form: save it again to put it in place of theirs.",
            cell.facts.name
        )))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&format!("{path}?done=edited"))),
        Err(StoreError::Duplicate { .. }) => refused(typed, name_is_taken(&facts.name), cell, layout),
        Err(StoreError::Conflict(why)) => {
            let cell = find(&state, &id).await?;
            typed.version = cell.version;
            let form = Form { typed, problems: Problems::default() };
            answer::page(StatusCode::CONFLICT, &Page { layout, cell, form, notice: Some(Notice::refused(why)) })
        }
        Err(error) => Err(error.into()),
    }
}
