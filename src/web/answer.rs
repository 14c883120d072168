//! The answers handlers give: a page, or the way to another one.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::WebError;
use crate::domain::text::hexadecimal;

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

/// JSON that a client may keep, if it asks whether it is still so: 304 when it has it already.
///
/// The tag is weak, because the same content is sent compressed in different ways.
///
/// # Errors
/// [`WebError::Internal`] when it cannot be written, which is a fault of ours.
pub fn kept_json(request: &HttpRequest, content: &impl Serialize) -> Result<HttpResponse, WebError> {
    let body = serde_json::to_vec(content).map_err(WebError::internal)?;
    let digest = Sha256::digest(&body);
    let tag = EntityTag::new_weak(hexadecimal(&digest[..12]));
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|one| one.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, "private, no-cache"));
    // Whoever signs out and in as somebody else asks again with another cookie or token.
    answer.insert_header((header::VARY, "cookie, authorization"));
    if is_known { Ok(answer.finish()) } else { Ok(answer.content_type("application/json").body(body)) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn what_a_client_has_already_is_not_sent_again() {
        let first = kept_json(&TestRequest::default().to_http_request(), &[1, 2]).unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers().get(header::ETAG).unwrap().clone();
        let ask = |content: &[i32]| {
            let request = TestRequest::default().insert_header((header::IF_NONE_MATCH, tag.clone())).to_http_request();
            kept_json(&request, &content).unwrap().status()
        };
        assert_eq!((ask(&[1, 2]), ask(&[1, 3])), (StatusCode::NOT_MODIFIED, StatusCode::OK));
    }
}
