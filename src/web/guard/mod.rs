//! What stands before every route of the table: who asks, may they, and did a page of ours send it.

mod body;
mod identify;
mod origin;

pub(super) use body::UPLOAD_BYTES_MAX;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use super::routes::{Access, Entry};
use super::upload::FormProof;
use super::visitor::{Principal, Visitor};
use super::{State, WebError, cookie};
use crate::auth::csrf;
use crate::auth::session::CONFIRMED_US;
use crate::auth::token::VisitToken;
use crate::domain::audit::Change;
use crate::domain::user::Role;

/// How much longer a form that was open by then may still be sent, µs.
const CONFIRMED_GRACE_US: i64 = 10 * 60 * 1_000_000;

/// Lets a request through to its handler, or answers in its place.
///
/// # Errors
/// [`WebError`] when it is refused; those of the handler, unchanged.
pub(super) async fn admit(
    entry: &'static Entry,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state =
        request.app_data::<web::Data<State>>().cloned().ok_or(WebError::Unavailable("The server is starting."))?;
    if !origin::is_our_host(&request, &state.host_names) {
        return refuse(request, WebError::WrongHost);
    }
    let mut new_visit = None;
    let (principal, secret) = match identify::identify(entry, &request, &state).await {
        Ok((principal, Some(secret))) => (principal, secret),
        Ok((principal, None)) => {
            let name = cookie::visit_name(state.is_secure);
            let visit = match cookie::read(request.headers(), name).and_then(VisitToken::parse) {
                Some(visit) => visit,
                None => new_visit.insert(VisitToken::random().map_err(WebError::internal)?).clone(),
            };
            (principal, visit.reveal().to_owned())
        }
        Err(error) => return refuse(request, error),
    };
    let visitor = Visitor {
        principal,
        address: identify::address(&request),
        route: format!("{} {}", entry.method.as_str(), entry.path),
        csrf: csrf::masked_token(&secret).map_err(WebError::internal)?,
        agent: header_text(&request, header::USER_AGENT.as_str()),
    };
    request.extensions_mut().insert(visitor.clone());
    if let Err(error) = may(entry, &visitor, &state, &request) {
        if let WebError::Forbidden(why) = &error {
            note_denial(&state, &visitor, why).await;
        }
        return refuse(request, error);
    }
    if entry.method.changes() {
        let checked = check_change(entry, &mut request, &visitor, &secret).await;
        if let Err(error) = checked {
            return refuse(request, error);
        }
    }
    let mut answer = next.call(request).await?.map_into_boxed_body();
    let is_page =
        answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if let Some(visit) = new_visit.filter(|_| is_page) {
        cookie::set(answer.headers_mut(), cookie::visit_name(state.is_secure), visit.reveal(), state.is_secure, None);
    }
    Ok(answer)
}

/// Answers with an error, without calling the handler.
fn refuse(request: ServiceRequest, error: WebError) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_changing = !request.method().is_safe();
    let mut answer = request.error_response(error);
    if is_changing {
        // Whatever is left of the body is not read: the connection cannot be used again.
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

/// Whether a visitor may use a route.
fn may(entry: &Entry, visitor: &Visitor, state: &State, request: &ServiceRequest) -> Result<(), WebError> {
    let needed = match entry.access {
        Access::Public => return Ok(()),
        Access::Viewer => Role::Viewer,
        Access::Operator => Role::Operator,
        Access::Admin => Role::Admin,
    };
    let Some(role) = visitor.principal.role() else {
        let back = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let is_page = !entry.method.changes() && !entry.is_for_programs() && !entry.path.starts_with("/live/");
        return Err(if is_page { WebError::SignInFirst(back.to_owned()) } else { WebError::SignIn });
    };
    if role < needed {
        let who = if needed == Role::Admin { "an administrator" } else { "an operator or an administrator" };
        return Err(WebError::Forbidden(format!("Only {who} can do this. You are signed in as {}.", role.as_str())));
    }
    if let Principal::Program(program) = &visitor.principal
        && entry.method.changes()
        && program.scope != crate::domain::user::Scope::Write
    {
        return Err(WebError::Forbidden("This token may only read. Use one with the scope write.".to_owned()));
    }
    if entry.access == Access::Admin
        && let Principal::User(user) = &visitor.principal
    {
        let allowed_us = if entry.method.changes() { CONFIRMED_US + CONFIRMED_GRACE_US } else { CONFIRMED_US };
        if state.clock.now_us() - user.confirmed_at_us > allowed_us {
            let back = if entry.method.changes() {
                "/"
            } else {
                request.uri().path_and_query().map_or("/", |path| path.as_str())
            };
            return Err(WebError::ConfirmFirst(back.to_owned()));
        }
    }
    Ok(())
}

/// Reads the body within its limits and checks that a page of ours sent it.
async fn check_change(
    entry: &Entry,
    request: &mut ServiceRequest,
    visitor: &Visitor,
    secret: &str,
) -> Result<(), WebError> {
    let is_program = matches!(visitor.principal, Principal::Program(_));
    // A browser never adds a token to a request of another site, so what carries one needs no further proof.
    if !is_program {
        origin::is_our_page(request)?;
    }
    if entry.takes_file && request.content_type() == "multipart/form-data" {
        // The handler takes the file from the connection; a browser's form has to begin with its token.
        let in_header = header_text(request, "x-csrf-token");
        let is_given = is_program || csrf::matches(secret, &in_header);
        let proof = if is_given { FormProof::given() } else { FormProof::wanted(secret) };
        request.extensions_mut().insert(proof);
        return Ok(());
    }
    let bytes = body::read(request, entry.access).await?;
    if !is_program {
        let in_header = header_text(request, "x-csrf-token");
        let sent = if in_header.is_empty() { body::form_field(request, &bytes, "csrf") } else { Some(in_header) };
        if !sent.is_some_and(|sent| csrf::matches(secret, &sent)) {
            return Err(WebError::Forgery);
        }
    }
    body::put_back(request, bytes);
    request.extensions_mut().insert(FormProof::given());
    Ok(())
}

/// Writes a denial to the audit log; the denied request fails anyway, so an error here only goes to the log.
async fn note_denial(state: &State, visitor: &Visitor, why: &str) {
    if !state.denials.is_worth_noting(&visitor.route, &visitor.actor().name, state.clock.now_us()) {
        return;
    }
    let change = Change::new("deny", visitor.route.clone()).because(why);
    if let Err(error) = state.store.audit(&visitor.actor(), &change, state.clock.now_us()).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a denial could not be written to the audit log");
    }
}

/// A header as text; empty when it is missing or not text.
fn header_text(request: &ServiceRequest, name: &str) -> String {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
