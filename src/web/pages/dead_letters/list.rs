//! `GET /dead-letters`: the newest first, filtered by device and reason.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{Asked, Row};
use crate::store::dead_letter_redrive::OverDay;
use crate::web::answer::Notice;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Letters on a page: more than a screen, less than a wait.
const PAGE_LETTERS: usize = 50;
const DAY_US: i64 = 86_400_000_000;

#[derive(Template)]
#[template(path = "dead_letters/list.html")]
struct Page {
    layout: Layout,
    asked: Asked,
    rows: Vec<Row>,
    /// How many of the filter can be tried again.
    dead: i64,
    over: Vec<(OverDay, Moment)>,
    older: Option<i64>,
    notice: Option<Notice>,
}

/// Answers with a page of letters.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
    done: web::Query<Marked>,
) -> Result<HttpResponse, WebError> {
    let asked = asked.into_inner();
    let filter = asked.filter();
    // One more than is shown tells whether there are older ones.
    let limit = i64::try_from(PAGE_LETTERS + 1).unwrap_or(i64::MAX);
    let mut letters = state.store.letters(&filter, asked.before(), limit).await?;
    let has_older = letters.len() > PAGE_LETTERS;
    letters.truncate(PAGE_LETTERS);
    let now_us = state.clock.now_us();
    let over = state.store.letters_over().await?.into_iter().map(|day| {
        let noon = Moment::new(day.day.saturating_mul(DAY_US), now_us);
        (day, noon)
    });
    let page = Page {
        layout: Layout::new(&request, "devices"),
        older: letters.last().filter(|_| has_older).map(|letter| letter.dead_letter_id),
        rows: letters.into_iter().map(|letter| Row::new(letter, now_us)).collect(),
        dead: state.store.count_dead_letters(&filter).await?,
        over: over.collect(),
        asked,
        notice: done.notice(),
    };
    answer::page(StatusCode::OK, &page)
}

/// How many letters were just marked, by the page that led here.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Marked {
    #[serde(default)]
    marked: String,
}

impl Marked {
    pub(super) fn notice(&self) -> Option<Notice> {
        let count: u64 = self.marked.parse().ok()?;
        Some(match count {
            0 => Notice::refused("Nothing was left to try: somebody else was faster, or the payload was not kept."),
            1 => Notice::done("The letter is tried again now. Load the page again to see what became of it."),
            count => {
                Notice::done(format!("{count} letters are tried again now. Load the page again to see how far it is."))
            }
        })
    }
}
