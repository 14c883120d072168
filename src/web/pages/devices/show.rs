//! `GET /devices/{id}`: one device, and what can be done with it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{Shown, find};
use crate::web::answer::{DoneQuery, Notice};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

#[derive(Template)]
#[template(path = "devices/show.html")]
struct Page {
    layout: Layout,
    shown: Shown,
    notice: Option<Notice>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }
}

/// Answers with the page.
///
/// # Errors
/// 404 for an unknown device.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let device = find(&state, &id).await?;
    let now_us = state.clock.now_us();
    let notice = match query.done.as_str() {
        "disabled" => Some(format!("{} was disabled; its connection is closed.", device.device)),
        "enabled" => Some(format!("{} may connect again, with the secret it has.", device.device)),
        _ => None,
    };
    let page = Page {
        layout: Layout::new(&request, "devices"),
        shown: Shown::new(device, now_us),
        notice: notice.map(Notice::done),
        now_us,
    };
    answer::page(StatusCode::OK, &page)
}
