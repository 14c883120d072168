//! `GET` and `POST /batteries/{id}/edit`: changes what is known of a battery.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::add::name_is_taken;
use super::find;
use super::form::Typed;
use super::offers::Form;
use crate::store::StoreError;
use crate::store::batteries::Battery;
use crate::web::answer::Notice;
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "batteries/edit.html")]
struct Page {
    layout: Layout,
    battery: Battery,
    form: Form,
    /// After a conflict: what is stored now where it differs from what was typed. Label, stored, typed.
    differences: Vec<(&'static str, String, String)>,
    notice: Option<Notice>,
}

struct Shown {
    typed: Typed,
    problems: Problems,
    notice: Option<Notice>,
}

async fn page(
    request: &HttpRequest,
    state: &State,
    status: StatusCode,
    battery: Battery,
    shown: Shown,
) -> Result<HttpResponse, WebError> {
    let is_conflict = shown.notice.is_some();
    let differences = if is_conflict { Typed::of(&battery).differences(&shown.typed) } else { Vec::new() };
    let form = Form::new(state, shown.typed, shown.problems).await?;
    let layout = Layout::new(request, "batteries");
    answer::page(status, &Page { layout, battery, form, differences, notice: shown.notice })
}

/// Answers with the form.
///
/// # Errors
/// 404 for an unknown battery.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let shown = Shown { typed: Typed::of(&battery), problems: Problems::default(), notice: None };
    page(&request, &state, StatusCode::OK, battery, shown).await
}

/// Saves the form.
///
/// # Errors
/// 404 for an unknown battery; what does not fit is told on the page.
pub async fn save(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let mut typed = typed.into_inner();
    let nothing = Problems::default();
    if !typed.fill.is_empty() {
        typed.fill_usual();
        return page(&request, &state, StatusCode::OK, battery, Shown { typed, problems: nothing, notice: None }).await;
    }
    let now_us = state.clock.now_us();
    let facts = match typed.check(now_us) {
        Ok(facts) => facts,
        Err(problems) => {
            let shown = Shown { typed, problems, notice: None };
            return page(&request, &state, StatusCode::UNPROCESSABLE_ENTITY, battery, shown).await;
        }
    };
    let path = format!("/batteries/{}", battery.battery_id);
    if facts == battery.facts {
        return Ok(answer::see_other(&format!("{path}?done=same")));
    }
    let done = if typed.version == battery.version {
        state.store.edit_battery(&visitor.actor(), &battery, &facts, now_us).await
    } else {
        Err(StoreError::Conflict(format!(
            "Somebody else changed {} in the meantime. What is stored now stands below. What you typed is still in the \
             form: save it again to put it in place of theirs.",
            battery.name
        )))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&format!("{path}?done=edited"))),
        Err(StoreError::Duplicate { .. }) => {
            let shown = Shown { typed, problems: name_is_taken(&facts.name), notice: None };
            page(&request, &state, StatusCode::UNPROCESSABLE_ENTITY, battery, shown).await
        }
        Err(StoreError::Conflict(why)) => {
            let battery = find(&state, &id).await?;
            typed.version = battery.version;
            let shown = Shown { typed, problems: nothing, notice: Some(Notice::refused(why)) };
            page(&request, &state, StatusCode::CONFLICT, battery, shown).await
        }
        Err(error) => Err(error.into()),
    }
}
