//! The only place that turns errors into HTTP answers.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use askama::Template;
use serde_json::json;

use super::headers::RequestId;
use super::page::Layout;

/// What can go wrong while a request is answered.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// There is no such thing; the text names it: “station 7”.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// The request asks for something that makes no sense.
    #[error("{target}: {message}")]
    Invalid {
        /// The field or parameter.
        target: &'static str,
        /// What is wrong with it and what would be right.
        message: String,
    },
    /// It would work later.
    #[error("{0}")]
    Unavailable(&'static str),
    /// Our fault; the cause goes to the log only.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl WebError {
    /// Wraps a cause the visitor cannot do anything about.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

impl ResponseError for WebError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The bare answer; [`render`] writes its page once the request is at hand.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::new(self.status_code())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    title: &'static str,
    what: String,
    next: &'static str,
    request_id: String,
}

/// Writes the page (or, under `/api/`, the JSON) of every failed answer and logs its cause once.
///
/// # Errors
/// Those of the inner services, unchanged.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let answer = next.call(request).await?.map_into_boxed_body();
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(answer);
    }
    let has_own_body = answer.response().error().is_none() && answer.headers().contains_key(header::CONTENT_TYPE);
    if has_own_body {
        return Ok(answer);
    }
    let id = answer.request().extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let cause = answer.response().error();
    log(&id, &answer, status, cause);
    let (target, what) = match cause.and_then(|error| error.as_error::<WebError>()) {
        Some(WebError::Internal(_)) => ("", "Something failed inside the server.".to_owned()),
        Some(WebError::Invalid { target, message }) => (*target, message.clone()),
        Some(WebError::NotFound(thing)) => ("", format!("There is no {thing}.")),
        Some(WebError::Unavailable(reason)) => ("", (*reason).to_owned()),
        None => ("", cause.map_or_else(|| plain(status).to_owned(), ToString::to_string)),
    };
    let is_api = answer.request().path().starts_with("/api/");
    let (body, content_type) = if is_api {
        let details = if target.is_empty() { json!([]) } else { json!([{ "target": target, "message": what }]) };
        let error = json!({ "error": { "code": code(status), "message": what, "details": details, "request_id": id } });
        (error.to_string(), "application/json")
    } else {
        let page = ErrorPage {
            layout: Layout::new(answer.request(), ""),
            status: status.as_u16(),
            title: plain(status),
            what,
            next: remedy(status),
            request_id: id,
        };
        (page.render().unwrap_or_else(|_| plain(status).to_owned()), "text/html; charset=utf-8")
    };
    let mut answer = answer.map_body(|_, _| BoxBody::new(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(answer)
}

fn log(id: &str, answer: &ServiceResponse<BoxBody>, status: StatusCode, cause: Option<&Error>) {
    let (method, path, status_code) = (answer.request().method(), answer.request().path(), status.as_u16());
    if !status.is_server_error() {
        tracing::debug!(request_id = id, %method, path, status = status_code, "refused");
        return;
    }
    let mut chain = Vec::new();
    if let Some(error) = cause {
        let error: Option<&dyn std::error::Error> = match error.as_error::<WebError>() {
            Some(error) => Some(error),
            None => {
                chain.push(error.to_string());
                None
            }
        };
        let mut next = error;
        while let Some(error) = next {
            chain.push(error.to_string());
            next = error.source();
        }
    }
    tracing::error!(request_id = id, %method, path, status = status_code, cause = chain.join(": "), "request failed");
}

/// The word programs look for.
fn code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "not_found",
        405 => "method_not_allowed",
        422 => "invalid",
        503 => "unavailable",
        code if code < 500 => "bad_request",
        _ => "internal",
    }
}

fn plain(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "Nothing here",
        405 => "Not possible this way",
        422 => "This does not fit",
        503 => "Not available now",
        code if code < 500 => "This request cannot be read",
        _ => "Something failed here",
    }
}

fn remedy(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "Check the address, or start again from the monitor.",
        503 => "Stations go on by themselves and their readings are kept. Try again in a minute.",
        code if code < 500 => "Nothing was changed. Go back, correct it and send it again.",
        _ => {
            "Stations go on by themselves and what was stored is safe. Try again; if it stays, give the number below to whoever runs the server."
        }
    }
}
