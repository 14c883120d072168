//! `GET /cells`: all single cells, and where each one is.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::store::cells::{Cell, CellsWhere};
use crate::web::forms::line;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Cells on a page.
const PAGE_CELLS: i64 = 50;
/// Last page that can be asked for: far beyond what a laboratory has.
const PAGE_MAX: i64 = 100_000;
/// Longest text to look for, in characters.
const TEXT_MAX: usize = 100;

/// What the address asks for; words nobody knows ask for nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    /// Empty for all in use, `free`, `placed`, or `retired`.
    at: String,
    page: String,
}

impl Asked {
    fn at(&self) -> CellsWhere {
        match self.at.as_str() {
            "free" => CellsWhere::Free,
            "placed" => CellsWhere::Placed,
            "retired" => CellsWhere::Retired,
            _ => CellsWhere::All,
        }
    }

    fn page(&self) -> i64 {
        self.page.parse().unwrap_or(1).clamp(1, PAGE_MAX)
    }

    fn is_filtered(&self) -> bool {
        !self.text.is_empty() || self.at() != CellsWhere::All
    }

    fn address(&self, page: i64) -> String {
        let page = if page > 1 { page.to_string() } else { String::new() };
        let pairs = [("text", self.text.as_str()), ("at", &self.at), ("page", &page)];
        let pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        format!("/cells?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
    }
}

#[derive(Template)]
#[template(path = "cells/list.html")]
struct Page {
    layout: Layout,
    asked: Asked,
    cells: Vec<Cell>,
    total: i64,
}

impl Page {
    fn places(&self) -> [(&'static str, &'static str); 4] {
        [("", "All in use"), ("free", "Free"), ("placed", "In a battery"), ("retired", "Retired")]
    }

    fn is_picked(&self, word: &str) -> bool {
        self.asked.at == word
    }

    fn extent(&self) -> String {
        if self.total == 1 { "1 cell".to_owned() } else { format!("{} cells", self.total) }
    }

    fn previous(&self) -> Option<String> {
        let page = self.asked.page();
        (page > 1).then(|| self.asked.address(page - 1))
    }

    fn next(&self) -> Option<String> {
        let page = self.asked.page();
        (page * PAGE_CELLS < self.total).then(|| self.asked.address(page + 1))
    }
}

/// Answers with the list.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let mut asked = asked.into_inner();
    asked.text = line(&asked.text).chars().take(TEXT_MAX).collect();
    let offset = (asked.page() - 1) * PAGE_CELLS;
    let (cells, total) = state.store.cells(&asked.text, asked.at(), offset, PAGE_CELLS).await?;
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "batteries"), asked, cells, total })
}
