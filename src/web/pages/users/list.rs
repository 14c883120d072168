//! `GET /users`: everybody who may sign in, and those who no longer may.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::store::users::User;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

#[derive(Template)]
#[template(path = "users/list.html")]
struct Page {
    layout: Layout,
    users: Vec<User>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn count_words(&self) -> String {
        let disabled = self.users.iter().filter(|user| user.disabled).count();
        match (self.users.len() - disabled, disabled) {
            (active, 0) => format!("{active} may sign in"),
            (active, disabled) => format!("{active} may sign in, {disabled} disabled"),
        }
    }
}

/// Answers with the list.
///
/// # Errors
/// When the database fails.
pub async fn page(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, WebError> {
    let users = state.store.users().await?;
    let page = Page { layout: Layout::new(&request, "users"), users, now_us: state.clock.now_us() };
    answer::page(StatusCode::OK, &page)
}
