//! `GET` and `POST /devices/{id}/disable`: shuts a device out, after a page that says what follows.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{Shown, find};
use crate::domain::audit::REASON_MAX;
use crate::domain::device::DeviceKind;
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    reason: String,
}

#[derive(Template)]
#[template(path = "devices/disable.html")]
struct Page {
    layout: Layout,
    shown: Shown,
    typed: Typed,
    problems: Problems,
}

impl Page {
    fn drives_stations(&self) -> bool {
        self.shown.device.kind == DeviceKind::Unit
    }
}

/// Asks whether it is to be shut out.
///
/// # Errors
/// 404 for an unknown device.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let device = find(&state, &id).await?;
    if device.disabled {
        return Ok(answer::see_other(&format!("/devices/{}", device.device)));
    }
    let shown = Shown::new(device, state.clock.now_us());
    let layout = Layout::new(&request, "devices");
    answer::page(StatusCode::OK, &Page { layout, shown, typed: Typed::default(), problems: Problems::default() })
}

/// Shuts it out; a second time changes nothing.
///
/// # Errors
/// 404 for an unknown device.
pub async fn disable(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let device = find(&state, &id).await?;
    let now_us = state.clock.now_us();
    let reason = line(&typed.reason);
    let mut problems = Problems::default();
    if reason.is_empty() {
        problems.add("reason", "Say why, in a few words: the audit log keeps it.");
    } else if reason.chars().count() > REASON_MAX {
        problems.add("reason", format!("The reason is too long. Use {REASON_MAX} characters or fewer."));
    }
    if !problems.is_empty() && !device.disabled {
        let layout = Layout::new(&request, "devices");
        let page = Page { layout, shown: Shown::new(device, now_us), typed: typed.into_inner(), problems };
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    state.store.disable_device(&visitor.actor(), &device.device, &reason, now_us).await?;
    Ok(answer::see_other(&format!("/devices/{}?done=disabled", device.device)))
}
