//! `GET /tokens`: every token, those that work first.

use std::collections::HashSet;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::status;
use crate::domain::ids::UserId;
use crate::store::tokens::ApiToken;
use crate::web::answer::{DoneQuery, Notice};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::pages::monitor::status::Status;
use crate::web::{State, WebError, answer};

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct Page {
    layout: Layout,
    tokens: Vec<ApiToken>,
    disabled_owners: HashSet<UserId>,
    notice: Option<Notice>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn status(&self, token: &ApiToken) -> Status {
        status(token, self.disabled_owners.contains(&token.user_id), self.now_us)
    }

    fn works(&self) -> usize {
        self.tokens.iter().filter(|token| self.status(token).tone != "away").count()
    }
}

/// Answers with the list.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    query: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let tokens = state.store.api_tokens().await?;
    let users = state.store.users().await?;
    let revoked = tokens.iter().find(|token| token.api_token_id.to_string() == query.to);
    let notice = match (query.done.as_str(), revoked) {
        ("revoked", Some(token)) => {
            Some(Notice::done(format!("“{}” of {} was revoked; it no longer works.", token.name, token.owner)))
        }
        _ => None,
    };
    let page = Page {
        layout: Layout::new(&request, "tokens"),
        disabled_owners: users.iter().filter(|user| user.disabled).map(|user| user.user_id).collect(),
        tokens,
        notice,
        now_us: state.clock.now_us(),
    };
    answer::page(StatusCode::OK, &page)
}
