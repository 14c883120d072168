//! `GET /alarms/{id}` and `POST /alarms/{id}/acknowledge`: one alarm, and the answer to it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{Row, find};
use crate::domain::safety::alarm::ANSWER_MAX;
use crate::store::StoreError;
use crate::web::answer::Notice;
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// Answers people give often.
const USUAL: [&str; 3] = ["Looking at it now", "Expected in this test", "Sensor at fault"];

#[derive(Template)]
#[template(path = "alarms/show.html")]
struct Page {
    layout: Layout,
    row: Row,
    reason: String,
    problems: Problems,
    notice: Option<Notice>,
}

impl Page {
    fn usual(&self) -> [&'static str; 3] {
        USUAL
    }
}

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// What somebody does about it.
    pub reason: String,
}

impl Typed {
    /// The answer, or what is wrong with it.
    ///
    /// # Errors
    /// In words, with what to do.
    pub fn answer(&self) -> Result<&str, String> {
        let reason = self.reason.trim();
        if reason.is_empty() {
            return Err("An answer needs words: write what you do about it.".to_owned());
        }
        if reason.chars().count() > ANSWER_MAX {
            return Err(format!("The answer is too long. Use {ANSWER_MAX} characters or fewer."));
        }
        Ok(reason)
    }
}

/// One alarm.
///
/// # Errors
/// 404 for one that is not there.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let row = Row::new(find(&state, &id).await?, state.clock.now_us());
    let layout = Layout::new(&request, "alarms");
    let page = Page { layout, row, reason: String::new(), problems: Problems::default(), notice: None };
    answer::page(StatusCode::OK, &page)
}

/// Notes what somebody does about it. Nothing changes on the bench.
///
/// # Errors
/// 404 for one that is not there; what does not fit is told on the page.
pub async fn acknowledge(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let alarm = find(&state, &id).await?;
    let now_us = state.clock.now_us();
    let mut problems = Problems::default();
    let mut notice = None;
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    match typed.answer() {
        Err(why) => problems.add("reason", why),
        Ok(reason) => match state.store.acknowledge_alarm(&visitor.actor(), alarm.id, reason, now_us).await {
            Ok(()) => return Ok(answer::see_other("/alarms?done=answered")),
            Err(StoreError::Conflict(why)) => {
                notice = Some(Notice::refused(why));
                status = StatusCode::CONFLICT;
            }
            Err(error) => return Err(error.into()),
        },
    }
    let row = Row::new(find(&state, &id).await?, now_us);
    let layout = Layout::new(&request, "alarms");
    answer::page(status, &Page { layout, row, reason: typed.reason.clone(), problems, notice })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_needs_words() {
        let typed = |reason: &str| Typed { reason: reason.to_owned() };
        assert_eq!(typed("  fan was off \n").answer(), Ok("fan was off"));
        assert!(typed(" \t").answer().is_err());
        assert!(typed(&"x".repeat(ANSWER_MAX + 1)).answer().unwrap_err().contains("500"));
    }
}
