//! `GET` and `POST /devices/{id}/rotate`: a new secret, shown this once; the old one stops at once.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::add::SecretPage;
use super::{Shown, find};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// The device as it was looked at.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Seen {
    version: i64,
}

#[derive(Template)]
#[template(path = "devices/rotate.html")]
struct Page {
    layout: Layout,
    shown: Shown,
}

/// Asks whether it is to get a new secret.
///
/// # Errors
/// 404 for an unknown device.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let device = find(&state, &id).await?;
    let shown = Shown::new(device, state.clock.now_us());
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "devices"), shown })
}

/// Gives it a new secret and shows that.
///
/// # Errors
/// 404 for an unknown device, 409 when somebody changed it after it was looked at, or the form is sent twice.
pub async fn rotate(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    seen: web::Form<Seen>,
) -> Result<HttpResponse, WebError> {
    let device = find(&state, &id).await?.device;
    let now_us = state.clock.now_us();
    let secret = state.store.rotate_device(&visitor.actor(), &device, seen.version, now_us).await?;
    answer::secret_page(&SecretPage::new(&request, device, &secret, false))
}
