//! `GET` and `POST /cells/new`: registers a cell under the next number.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::form::{Form, Typed};
use crate::store::StoreError;
use crate::web::forms::{Problems, once, once_of};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "cells/add.html")]
struct Page {
    layout: Layout,
    form: Form,
}

fn page(request: &HttpRequest, status: StatusCode, typed: Typed, problems: Problems) -> Result<HttpResponse, WebError> {
    answer::page(status, &Page { layout: Layout::new(request, "batteries"), form: Form { typed, problems } })
}

/// Answers with the empty form.
///
/// # Errors
/// When the page cannot be made.
pub async fn form(request: HttpRequest) -> Result<HttpResponse, WebError> {
    page(&request, StatusCode::OK, Typed { once: once()?, ..Typed::default() }, Problems::default())
}

/// Registers the cell and shows it.
///
/// # Errors
/// When the database fails; what does not fit is told on the page.
pub async fn add(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let typed = typed.into_inner();
    let facts = match typed.check(None) {
        Ok(facts) => facts,
        Err(problems) => return page(&request, StatusCode::UNPROCESSABLE_ENTITY, typed, problems),
    };
    match state.store.add_cell(&visitor.actor(), &facts, once_of(&typed.once), state.clock.now_us()).await {
        Ok(id) => Ok(answer::see_other(&format!("/cells/{id}?done=added"))),
        Err(StoreError::Duplicate { .. }) => {
            page(&request, StatusCode::UNPROCESSABLE_ENTITY, typed, name_is_taken(&facts.name))
        }
        Err(error) => Err(error.into()),
    }
}

/// The problem of a name that another cell has.
pub(super) fn name_is_taken(name: &str) -> Problems {
    let mut problems = Problems::default();
    problems.add("name", format!("Another cell is called {name}, perhaps a retired one. Choose another name."));
    problems
}
