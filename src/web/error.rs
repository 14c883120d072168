//! The only place that turns errors into HTTP answers.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use askama::Template;
use serde_json::json;

use super::forms::Problem;
use super::headers::RequestId;
use super::page::Layout;
use crate::archive::ArchiveError;
use crate::store::StoreError;

/// The token of a link in a path is at least this long; nothing else that a path needs is.
const TOKEN_CHARACTERS_MIN: usize = 32;

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
    /// Several fields of what a program sent do not fit, at least one.
    #[error("{}", first(.0))]
    InvalidFields(Vec<Problem>),
    /// Somebody else was faster, or the name is taken.
    #[error("{0}")]
    Conflict(String),
    /// Nobody is signed in, and signing in would not bring the visitor back here.
    #[error("Nobody is signed in, or the session has ended. Sign in, then send it again.")]
    SignIn,
    /// Nobody is signed in; the text is the path to come back to.
    #[error("sign in first")]
    SignInFirst(String),
    /// The password was given too long ago for this page; the text is the path to come back to.
    #[error("give the password again")]
    ConfirmFirst(String),
    /// The token of a program is no good.
    #[error("{0}")]
    BadToken(&'static str),
    /// The role is too small; the text says who can.
    #[error("{0}")]
    Forbidden(String),
    /// Not sent by a page of ours, or by one of another session.
    #[error(
        "This form is too old, or another site sent it. Nothing was changed. Load the page again and send it once more."
    )]
    Forgery,
    /// Asked for under a name that is not ours.
    #[error("This server does not answer to that name. Use its address, or have the name added to http.names.")]
    WrongHost,
    /// The body is larger than the route takes.
    #[error("This is too large: at most {} kB fit.", bytes_max / 1024)]
    TooLarge {
        /// What fits, bytes.
        bytes_max: usize,
    },
    /// The body took too long to arrive.
    #[error("The request took too long to arrive. Send it again.")]
    TooSlow,
    /// Too many tries.
    #[error("Too many tries. Try again in {wait_s} s.")]
    TooMany {
        /// How long to wait, s.
        wait_s: u32,
    },
    /// It would work later.
    #[error("{0}")]
    Unavailable(&'static str),
    /// The archive does not give what is asked for; the text names the file and the remedy.
    #[error("{0}")]
    Archive(String),
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
            Self::Invalid { .. } | Self::InvalidFields(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::SignIn | Self::BadToken(_) => StatusCode::UNAUTHORIZED,
            Self::SignInFirst(_) | Self::ConfirmFirst(_) => StatusCode::SEE_OTHER,
            Self::Forbidden(_) | Self::Forgery => StatusCode::FORBIDDEN,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) | Self::Archive(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The bare answer; [`render`] writes its page once the request is at hand.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::SignInFirst(back) => answer.insert_header((header::LOCATION, page_with_way_back("/login", back))),
            Self::ConfirmFirst(back) => {
                answer.insert_header((header::LOCATION, page_with_way_back("/account/confirm", back)))
            }
            Self::TooMany { wait_s } => answer.insert_header((header::RETRY_AFTER, wait_s.to_string())),
            Self::BadToken(_) => answer.insert_header((header::WWW_AUTHENTICATE, "Bearer")),
            _ => &mut answer,
        };
        answer.finish()
    }
}

impl From<StoreError> for WebError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Duplicate { .. } | StoreError::Conflict(_) => Self::Conflict(error.to_string()),
            StoreError::Missing { what, .. } => Self::NotFound(what),
            StoreError::Archive(cause) => Self::Archive(archive_words(&cause)),
            _ => Self::internal(error),
        }
    }
}

/// What is missing, where, and what helps, as a sentence for the page.
#[must_use]
pub fn archive_words(cause: &ArchiveError) -> String {
    format!("The samples themselves are in the archive and cannot be read now: {cause}.")
}

/// The message of the first problem, with the number of the others.
fn first(problems: &[Problem]) -> String {
    match problems {
        [] => "Something does not fit.".to_owned(),
        [one] => format!("{}: {}", one.field, one.message),
        [one, others @ ..] => format!("{}: {} ({} more)", one.field, one.message, others.len()),
    }
}

/// A page of ours that leads back to where the visitor was.
fn page_with_way_back(page: &str, back: &str) -> String {
    let query = serde_urlencoded::to_string([("back", local_path(back))]).unwrap_or_default();
    if back == "/" { page.to_owned() } else { format!("{page}?{query}") }
}

/// The path if it stays on this server, otherwise `/`.
#[must_use]
pub fn local_path(path: &str) -> &str {
    let fits_a_header = path.bytes().all(|byte| byte.is_ascii_graphic());
    let stays = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') && fits_a_header;
    if stays { path } else { "/" }
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
    let error = cause.and_then(|error| error.as_error::<WebError>());
    let problems = if let Some(WebError::InvalidFields(problems)) = error { problems.as_slice() } else { &[] };
    let (target, what) = match error {
        Some(WebError::Internal(_)) => ("", "Something failed inside the server.".to_owned()),
        Some(WebError::Invalid { target, message }) => (*target, message.clone()),
        Some(WebError::NotFound(thing)) => ("", format!("There is no {thing}.")),
        Some(error) => ("", error.to_string()),
        None => ("", cause.map_or_else(|| plain(status).to_owned(), ToString::to_string)),
    };
    let is_api = answer.request().path().starts_with("/api/");
    let (body, content_type) = if is_api {
        let named = (!target.is_empty()).then_some((target, what.as_str()));
        let named = named.into_iter().chain(problems.iter().map(|one| (&*one.field, one.message.as_str())));
        let details: Vec<_> = named.map(|(target, message)| json!({ "target": target, "message": message })).collect();
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
    let (method, status_code) = (answer.request().method(), status.as_u16());
    let path = loggable(answer.request().path());
    if !status.is_server_error() {
        tracing::debug!(request_id = id, %method, %path, status = status_code, "refused");
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
    tracing::error!(request_id = id, %method, %path, status = status_code, cause = chain.join(": "), "request failed");
}

/// The path as the log may have it: whoever reads the log must not be able to follow a set-up or sign-in link.
fn loggable(path: &str) -> String {
    let part = |part| if str::len(part) < TOKEN_CHARACTERS_MIN { part } else { "…" };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The word programs look for.
fn code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        408 => "too_slow",
        409 => "conflict",
        413 => "too_large",
        422 => "invalid",
        429 => "too_many",
        503 => "unavailable",
        code if code < 500 => "bad_request",
        _ => "internal",
    }
}

fn plain(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Sign in first",
        403 => "Not allowed",
        404 => "Nothing here",
        405 => "Not possible this way",
        408 => "Too slow",
        409 => "Not as it was",
        413 => "Too large",
        422 => "This does not fit",
        429 => "Too many tries",
        503 => "Not available now",
        code if code < 500 => "This request cannot be read",
        _ => "Something failed here",
    }
}

fn remedy(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "Nothing was changed.",
        404 => "Check the address, or start again from the monitor.",
        503 => "Stations go on by themselves and their readings are kept. Try again in a minute.",
        code if code < 500 => "Nothing was changed. Go back, correct it and send it again.",
        _ => {
            "Stations go on by themselves and what was stored is safe. Try again; if it stays, give the number below to whoever runs the server."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::token::LinkToken;

    #[test]
    fn the_log_cannot_be_used_to_follow_a_link() {
        let path = format!("/link/{}", LinkToken::random().unwrap().reveal());
        assert_eq!(loggable(&path), "/link/…");
        assert_eq!(loggable("/devices/cu-01/rotate"), "/devices/cu-01/rotate");
    }

    #[test]
    fn the_way_back_never_leaves_the_server() {
        assert_eq!(local_path("/?station=3&window=5m"), "/?station=3&window=5m");
        for elsewhere in
            ["", "//evil.example/", "https://evil.example/", "/\\evil.example", "/a\r\nb", "/ü", "/a b", "/\u{0}"]
        {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
