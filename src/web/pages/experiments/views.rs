//! `/experiments/views`: lists somebody keeps under a name.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::asked::{Asked, path_of};
use super::list::{self, Refused};
use crate::domain::ids::{SavedViewId, UserId};
use crate::store::StoreError;
use crate::store::saved_views::SavedView;
use crate::web::answer::{DoneQuery, Notice};
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// Longest name of a view, in characters: it stands in a row of tabs.
const VIEW_NAME_MAX: usize = 40;
/// Longest query of a view, as stored.
const QUERY_MAX: usize = 4_000;

/// What is typed about a view.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Its name.
    pub name: String,
    /// Filters and order.
    pub query: String,
}

#[derive(Template)]
#[template(path = "experiments/views.html")]
struct Page {
    layout: Layout,
    views: Vec<SavedView>,
    problems: Problems,
    notice: Option<Notice>,
}

impl Page {
    fn path(&self, view: &SavedView) -> String {
        path_of(&view.query)
    }
}

fn name_of(typed: &Typed) -> Result<String, String> {
    let name = line(&typed.name);
    match name.chars().count() {
        0 => Err("Give the view a name.".to_owned()),
        length if length > VIEW_NAME_MAX => {
            Err(format!("The name has {length} characters. Use {VIEW_NAME_MAX} or fewer: it stands in a row of tabs."))
        }
        _ => Ok(name),
    }
}

/// Answers with the list of views.
///
/// # Errors
/// 403 for whoever has no account.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    query: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let notice = match query.done.as_str() {
        "renamed" => Some(Notice::done("The view was renamed.")),
        "deleted" => Some(Notice::done("The view was deleted. The experiments stay.")),
        _ => None,
    };
    let user = visitor.user()?.user;
    show(&request, &state, user, Problems::default(), notice, StatusCode::OK).await
}

async fn show(
    request: &HttpRequest,
    state: &State,
    user: UserId,
    problems: Problems,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<HttpResponse, WebError> {
    let views = state.store.saved_views(user).await?;
    answer::page(status, &Page { layout: Layout::new(request, "experiments"), views, problems, notice })
}

/// Saves the list that is shown.
///
/// # Errors
/// 403 for whoever has no account; what does not fit is told on the list.
pub async fn save(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let user = visitor.user()?.user;
    let asked = Asked::of(&typed.query);
    let query = asked.view();
    let mut refused = Refused { view_name: typed.name.clone(), ..Refused::default() };
    let name = refused.problems.take("name", name_of(&typed));
    if query.len() > QUERY_MAX {
        refused.problems.add("name", "This view has too many filters to be kept. Take some away.");
    }
    if let Some(name) = name.filter(|_| refused.problems.is_empty()) {
        match state.store.save_view(user, &name, &query, state.clock.now_us()).await {
            Ok(_) => {
                let path = if query.is_empty() { "/experiments?".to_owned() } else { format!("{}&", path_of(&query)) };
                return Ok(answer::see_other(&format!("{path}done=saved")));
            }
            Err(StoreError::Duplicate { .. }) => {
                refused.problems.add("name", format!("You have a view named “{name}”. Choose another name."));
            }
            Err(StoreError::Conflict(why)) => refused.problems.add("name", why),
            Err(error) => return Err(error.into()),
        }
    }
    list::render(&request, &state, &visitor, asked, refused).await
}

/// Renames a view.
///
/// # Errors
/// 404 for a view that is not theirs.
pub async fn rename(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let user = visitor.user()?.user;
    let view = view_of(&id)?;
    let mut problems = Problems::default();
    if let Some(name) = problems.take("views", name_of(&typed)) {
        match state.store.rename_view(user, view, &name).await {
            Ok(true) => return Ok(answer::see_other("/experiments/views?done=renamed")),
            Ok(false) => return Err(UNKNOWN),
            Err(StoreError::Duplicate { .. }) => {
                problems.add("views", format!("You have another view named “{name}”. Choose another name."));
            }
            Err(error) => return Err(error.into()),
        }
    }
    show(&request, &state, user, problems, None, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// Deletes a view.
///
/// # Errors
/// 404 for a view that is not theirs.
pub async fn delete(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let user = visitor.user()?.user;
    if state.store.delete_view(user, view_of(&id)?).await? {
        Ok(answer::see_other("/experiments/views?done=deleted"))
    } else {
        Err(UNKNOWN)
    }
}

const UNKNOWN: WebError = WebError::NotFound("such view of yours");

fn view_of(id: &str) -> Result<SavedViewId, WebError> {
    id.parse().map(SavedViewId).map_err(|_| UNKNOWN)
}
