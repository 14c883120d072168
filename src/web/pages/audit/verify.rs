//! `GET /audit/verify`: reads the whole log and says whether anybody changed it past the program.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::store::audit::{AuditCheck, FAULTS_MAX};
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

#[derive(Template)]
#[template(path = "audit/verify.html")]
struct Page {
    layout: Layout,
    check: AuditCheck,
}

/// Answers with what the check found.
///
/// # Errors
/// When the database fails.
pub async fn page(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, WebError> {
    let check = state.store.verify_audit().await?;
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "audit"), check })
}
