//! `GET` and `POST /batteries/new`: a new battery, then on to an experiment with it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::form::Typed;
use super::offers::Form;
use crate::store::StoreError;
use crate::web::forms::{Problems, once, once_of};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "batteries/add.html")]
struct Page {
    layout: Layout,
    form: Form,
}

async fn page(
    request: &HttpRequest,
    state: &State,
    status: StatusCode,
    typed: Typed,
    problems: Problems,
) -> Result<HttpResponse, WebError> {
    let form = Form::new(state, typed, problems).await?;
    answer::page(status, &Page { layout: Layout::new(request, "batteries"), form })
}

/// Answers with the empty form.
///
/// # Errors
/// When the database fails.
pub async fn form(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, WebError> {
    page(&request, &state, StatusCode::OK, Typed::new(once()?), Problems::default()).await
}

/// Stores the battery and leads on to an experiment with it, or fills in what is usual and shows the form again.
///
/// # Errors
/// When the database fails; what does not fit is told on the page.
pub async fn add(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let mut typed = typed.into_inner();
    if !typed.fill.is_empty() {
        typed.fill_usual();
        return page(&request, &state, StatusCode::OK, typed, Problems::default()).await;
    }
    let now_us = state.clock.now_us();
    let facts = match typed.check(now_us) {
        Ok(facts) => facts,
        Err(problems) => return page(&request, &state, StatusCode::UNPROCESSABLE_ENTITY, typed, problems).await,
    };
    match state.store.add_battery(&visitor.actor(), &facts, once_of(&typed.once), now_us).await {
        Ok(id) if typed.then == "battery" => Ok(answer::see_other(&format!("/batteries/{id}?done=added"))),
        Ok(id) => Ok(answer::see_other(&format!("/experiments/new?battery={id}&done=battery"))),
        Err(StoreError::Duplicate { .. }) => {
            let problems = name_is_taken(&facts.name);
            page(&request, &state, StatusCode::UNPROCESSABLE_ENTITY, typed, problems).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The problem of a name that another battery has.
pub(super) fn name_is_taken(name: &str) -> Problems {
    let mut problems = Problems::default();
    problems.add("name", format!("Another battery is called {name}, perhaps a retired one. Choose another name."));
    problems
}
