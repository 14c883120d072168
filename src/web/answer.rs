//! The answers handlers give: a page, or the way to another one.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

use super::WebError;

/// A page of ours.
///
/// # Errors
/// [`WebError::Internal`] when the template fails, which is a fault of ours.
pub fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, WebError> {
    let html = template.render().map_err(WebError::internal)?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html))
}

/// A page that shows a secret this once: no browser and nothing between may keep it.
///
/// # Errors
/// [`WebError::Internal`] when the template fails, which is a fault of ours.
pub fn secret_page(template: &impl Template) -> Result<HttpResponse, WebError> {
    let mut answer = page(StatusCode::OK, template)?;
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// After a change: leads to the page that shows it, so that a reload does not send the form again.
#[must_use]
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish()
}

/// What a page says on top: what was done, or why nothing was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Colour class.
    pub tone: &'static str,
    /// Name of the icon.
    pub icon: &'static str,
    /// `status`, or `alert` for what must not be missed.
    pub role: &'static str,
    /// The sentence.
    pub text: String,
}

impl Notice {
    /// Something was done.
    #[must_use]
    pub fn done(text: impl Into<String>) -> Self {
        Self { tone: "good", icon: "circle-check", role: "status", text: text.into() }
    }

    /// Something was refused; the text says why and what to do.
    #[must_use]
    pub fn refused(text: impl Into<String>) -> Self {
        Self { tone: "alarm", icon: "alert-octagon", role: "alert", text: text.into() }
    }
}

/// The query of a page that another one led to.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct DoneQuery {
    /// Word of what was done; words nobody knows say nothing.
    #[serde(default)]
    pub done: String,
    /// What it was done to, for lists.
    #[serde(default)]
    pub to: String,
}
