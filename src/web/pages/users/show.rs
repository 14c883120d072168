//! `GET /users/{id}`: one person, with the form that changes them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{RoleChoice, Typed, find, is_self, role_choices};
use crate::store::users::User;
use crate::web::answer::{DoneQuery, Notice};
use crate::web::forms::Problems;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// The page of a person.
#[derive(Template)]
#[template(path = "users/show.html")]
pub(super) struct Page {
    layout: Layout,
    user: User,
    is_self: bool,
    typed: Typed,
    roles: Vec<RoleChoice>,
    problems: Problems,
    notice: Option<Notice>,
    now_us: i64,
}

impl Page {
    /// The page with a form as it was typed, or as the person is stored.
    pub(super) fn new(
        request: &HttpRequest,
        state: &State,
        visitor: &Visitor,
        user: User,
        typed: Option<Typed>,
    ) -> Self {
        let typed = typed.unwrap_or_else(|| Typed::of(&user));
        Self {
            layout: Layout::new(request, "users"),
            is_self: is_self(visitor, &user),
            roles: role_choices(&typed.role),
            typed,
            user,
            problems: Problems::default(),
            notice: None,
            now_us: state.clock.now_us(),
        }
    }

    /// With problems beside the fields.
    pub(super) fn with_problems(self, problems: Problems) -> Self {
        Self { problems, ..self }
    }

    /// With something said on top.
    pub(super) fn with_notice(self, notice: Option<Notice>) -> Self {
        Self { notice, ..self }
    }

    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }
}

/// Answers with the page.
///
/// # Errors
/// 404 for somebody unknown.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    query: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let user = find(&state, &id).await?;
    let notice = done(&query.done, &user.name);
    let page = Page::new(&request, &state, &visitor, user, None).with_notice(notice);
    answer::page(StatusCode::OK, &page)
}

/// What was done before somebody was led here.
fn done(word: &str, name: &str) -> Option<Notice> {
    Some(Notice::done(match word {
        "edited" => format!("{name} was changed."),
        "same" => format!("Nothing was changed: {name} was so already."),
        "disabled" => format!("{name} was disabled and signed out everywhere."),
        "enabled" => format!("{name} may sign in again."),
        "reset" => format!("The second factor of {name} was turned off."),
        _ => return None,
    }))
}
