//! `GET /dead-letters/{id}`: one letter with its whole payload, as text.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::Row;
use super::list::Marked;
use crate::web::answer::Notice;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

#[derive(Template)]
#[template(path = "dead_letters/show.html")]
struct Page {
    layout: Layout,
    row: Row,
    notice: Option<Notice>,
}

/// Answers with the letter.
///
/// # Errors
/// 404 for an unknown one.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    done: web::Query<Marked>,
) -> Result<HttpResponse, WebError> {
    let id: i64 = id.parse().map_err(|_| WebError::NotFound("this dead letter"))?;
    let letter = state.store.letter(id).await?.ok_or(WebError::NotFound("this dead letter"))?;
    let row = Row::new(letter, state.clock.now_us());
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "devices"), row, notice: done.notice() })
}
