//! `GET /audit`: the log, newest first, filtered by what the address says.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::Asked;
use super::difference::{Difference, differences};
use crate::store::audit::Entry;
use crate::web::forms::Problems;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Entries on a page: more than a screen, less than a wait.
const PAGE_ENTRIES: usize = 50;

#[derive(Template)]
#[template(path = "audit/list.html")]
struct Page {
    layout: Layout,
    asked: Asked,
    rows: Vec<Row>,
    people: Vec<String>,
    older: Option<i64>,
    problems: Problems,
}

/// One entry as shown.
struct Row {
    entry: Entry,
    at: Moment,
    differences: Vec<Difference>,
}

impl Row {
    fn new(entry: Entry, now_us: i64) -> Self {
        Self {
            at: Moment::with_seconds(entry.at_us, now_us),
            differences: differences(entry.old_json.as_deref(), entry.new_json.as_deref(), now_us),
            entry,
        }
    }
}

/// Answers with a page of the log.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let asked = asked.into_inner();
    let (filter, before, problems) = asked.filter();
    let mut entries = Vec::new();
    if problems.is_empty() {
        // One more than is shown tells whether there are older ones.
        let limit = i64::try_from(PAGE_ENTRIES + 1).unwrap_or(i64::MAX);
        entries = state.store.audit_page(&filter, before, limit).await?;
    }
    let has_older = entries.len() > PAGE_ENTRIES;
    entries.truncate(PAGE_ENTRIES);
    let now_us = state.clock.now_us();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        layout: Layout::new(&request, "audit"),
        asked,
        older: entries.last().filter(|_| has_older).map(|entry| entry.audit_id),
        rows: entries.into_iter().map(|entry| Row::new(entry, now_us)).collect(),
        people: state.store.users().await?.into_iter().map(|user| user.name).collect(),
        problems,
    };
    answer::page(status, &page)
}
