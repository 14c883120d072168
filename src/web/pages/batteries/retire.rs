//! `GET` and `POST /batteries/{id}/retire`, `POST /batteries/{id}/bring-back`: takes a battery out of use, and back.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::find;
use crate::domain::audit::REASON_MAX;
use crate::store::StoreError;
use crate::store::batteries::{Battery, BatteryExperiment};
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
#[template(path = "batteries/retire.html")]
struct Page {
    layout: Layout,
    battery: Battery,
    open: Vec<BatteryExperiment>,
    reason: String,
    problems: Problems,
    notice: Option<Notice>,
}

impl Page {
    async fn new(request: &HttpRequest, state: &State, battery: Battery, reason: &str) -> Result<Self, WebError> {
        Ok(Self {
            layout: Layout::new(request, "batteries"),
            open: state.store.open_experiments_on(battery.battery_id).await?,
            battery,
            reason: reason.to_owned(),
            problems: Problems::default(),
            notice: None,
        })
    }
}

/// Asks whether it is to be retired.
///
/// # Errors
/// 404 for an unknown battery.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    if battery.retired_at_us.is_some() {
        return Ok(answer::see_other(&format!("/batteries/{}", battery.battery_id)));
    }
    answer::page(StatusCode::OK, &Page::new(&request, &state, battery, "").await?)
}

/// Retires it; a second time changes nothing.
///
/// # Errors
/// 404 for an unknown battery; what stands in the way is told on the page.
pub async fn retire(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let path = format!("/batteries/{}", battery.battery_id);
    if battery.retired_at_us.is_some() {
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
        let page = Page { problems, ..Page::new(&request, &state, battery, &typed.reason).await? };
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let done = if typed.version == battery.version {
        state.store.retire_battery(&visitor.actor(), &battery, true, &reason, state.clock.now_us()).await
    } else {
        let name = &battery.name;
        Err(StoreError::Conflict(format!(
            "Somebody else changed {name} in the meantime. Look at it, then decide again."
        )))
    };
    match done {
        Ok(()) => Ok(answer::see_other(&format!("{path}?done=retired"))),
        Err(StoreError::Conflict(why)) => {
            let battery = find(&state, &id).await?;
            let notice = Some(Notice::refused(why));
            let page = Page { notice, ..Page::new(&request, &state, battery, &typed.reason).await? };
            answer::page(StatusCode::CONFLICT, &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// Brings it back into use.
///
/// # Errors
/// 404 for an unknown battery, 409 when somebody else changed it at this moment.
pub async fn bring_back(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    if battery.retired_at_us.is_some() {
        state.store.retire_battery(&visitor.actor(), &battery, false, "", state.clock.now_us()).await?;
    }
    Ok(answer::see_other(&format!("/batteries/{}?done=back", battery.battery_id)))
}
