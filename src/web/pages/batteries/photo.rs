//! `GET /batteries/{id}/photo` and the form that stores one.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use crate::domain::battery::photo::{PHOTO_BYTES_MAX, content_type};
use crate::store::batteries::Battery;
use crate::web::forms::Problems;
use crate::web::multipart::parts;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "batteries/photo.html")]
struct Page {
    layout: Layout,
    battery: Battery,
    has_photo: bool,
    problems: Problems,
}

async fn page(
    request: &HttpRequest,
    state: &State,
    status: StatusCode,
    battery: Battery,
    problems: Problems,
) -> Result<HttpResponse, WebError> {
    let has_photo = state.store.battery_photo_at(battery.battery_id).await?.is_some();
    answer::page(status, &Page { layout: Layout::new(request, "batteries"), battery, has_photo, problems })
}

/// Answers with the picture.
///
/// # Errors
/// 404 without one.
pub async fn show(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let photo = state.store.battery_photo(battery.battery_id).await?;
    let (kind, content) = photo.ok_or(WebError::NotFound("picture of this battery"))?;
    Ok(HttpResponse::Ok().content_type(kind).insert_header((header::CONTENT_DISPOSITION, "inline")).body(content))
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
    page(&request, &state, StatusCode::OK, battery, Problems::default()).await
}

/// Stores the picture in the place of the one before.
///
/// # Errors
/// 404 for an unknown battery; what does not fit is told on the page.
pub async fn store(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    body: web::Bytes,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let fields = parts(kind, &body).unwrap_or_default();
    let file = fields.iter().find(|part| part.name == "photo" && part.is_file).map_or(&[][..], |part| part.content);
    let mut problems = Problems::default();
    let kind = content_type(file);
    if file.is_empty() {
        problems.add("photo", "Choose a file: a picture as PNG, JPEG or WebP.");
    } else if file.len() > PHOTO_BYTES_MAX {
        let most = PHOTO_BYTES_MAX / 1024 / 1024;
        problems.add("photo", format!("The picture is too large. Choose one of {most} MB or less."));
    } else if kind.is_none() {
        problems.add("photo", "This file is no picture as PNG, JPEG or WebP. Choose another one.");
    }
    let Some(kind) = kind.filter(|_| problems.is_empty()) else {
        return page(&request, &state, StatusCode::UNPROCESSABLE_ENTITY, battery, problems).await;
    };
    state.store.put_battery_photo(&visitor.actor(), &battery, kind, file, state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/batteries/{}?done=photo", battery.battery_id)))
}

/// Removes the picture; without one nothing happens.
///
/// # Errors
/// 404 for an unknown battery.
pub async fn remove(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    state.store.remove_battery_photo(&visitor.actor(), &battery, state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/batteries/{}?done=no-photo", battery.battery_id)))
}
