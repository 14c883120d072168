//! `GET` and `POST /users/new`: somebody new, who then chooses a password by a one-time link.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{RoleChoice, Typed, link, role_choices, take_full_name, take_role};
use crate::domain::user::{Role, UserName};
use crate::store::StoreError;
use crate::store::users::NewUser;
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "users/add.html")]
struct Page {
    layout: Layout,
    typed: Typed,
    roles: Vec<RoleChoice>,
    problems: Problems,
}

impl Page {
    fn new(request: &HttpRequest, typed: Typed, problems: Problems) -> Self {
        Self { layout: Layout::new(request, "users"), roles: role_choices(&typed.role), typed, problems }
    }
}

/// Answers with the empty form.
///
/// # Errors
/// When the page cannot be made.
pub async fn form(request: HttpRequest) -> Result<HttpResponse, WebError> {
    // The least role is picked: nobody gets more by a form sent in a hurry.
    let typed = Typed { role: Role::Viewer.as_str().to_owned(), ..Typed::default() };
    answer::page(StatusCode::OK, &Page::new(&request, typed, Problems::default()))
}

/// Adds the person and shows the link.
///
/// # Errors
/// When the database fails.
pub async fn add(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let typed = typed.into_inner();
    let mut problems = Problems::default();
    let name = problems.take("name", typed.name.trim().parse::<UserName>());
    let full_name = take_full_name(&mut problems, &typed.full_name);
    let role = take_role(&mut problems, &typed.role);
    let (Some(name), Some(full_name), Some(role)) = (name, full_name, role) else {
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &Page::new(&request, typed, problems));
    };
    let user = NewUser { name, full_name, role, password_hash: None };
    let id = match state.store.add_user(&visitor.actor(), &user, state.clock.now_us()).await {
        Ok(id) => id,
        Err(StoreError::Duplicate { name, .. }) => {
            problems.add("name", format!("{name} is there already. Choose another user name."));
            return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &Page::new(&request, typed, problems));
        }
        Err(error) => return Err(error.into()),
    };
    let user = state.store.user(id).await?.ok_or(WebError::NotFound("such person"))?;
    link::show_new(&request, &state, &visitor, &user, true).await
}
