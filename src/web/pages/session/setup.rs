//! `/setup/{token}`: the first administrator, by the link that the server's console shows.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{Gone, enter};
use crate::auth::password::Password;
use crate::auth::sign_in::SignInError;
use crate::auth::token::LinkToken;
use crate::auth::weak;
use crate::domain::user::{FULL_NAME_MAX, Role, UserName};
use crate::store::StoreError;
use crate::store::users::NewUser;
use crate::web::answer::page as html;
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError};

/// The form.
#[derive(Deserialize)]
pub struct Form {
    #[serde(default)]
    name: String,
    #[serde(default)]
    full_name: String,
    password: Option<Password>,
}

#[derive(Template)]
#[template(path = "session/setup.html")]
struct SetupPage {
    layout: Layout,
    token: String,
    name: String,
    full_name: String,
    problems: Problems,
}

/// `GET /setup/{token}`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    token: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let layout = Layout::new(&request, "");
    let Some(token) = open(&state, &visitor, &token).await? else { return gone(layout) };
    let (name, full_name, problems) = Default::default();
    html(StatusCode::OK, &SetupPage { layout, token: token.reveal().to_owned(), name, full_name, problems })
}

/// `POST /setup/{token}`: adds the administrator, closes the set-up and signs in.
///
/// # Errors
/// When the database fails or the password cannot be hashed.
pub async fn submit(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    token: web::Path<String>,
    form: web::Form<Form>,
) -> Result<HttpResponse, WebError> {
    let layout = Layout::new(&request, "");
    let Some(token) = open(&state, &visitor, &token).await? else { return gone(layout) };
    let Form { name: typed, full_name, password } = form.into_inner();
    let full_name: String = line(&full_name);
    let mut problems = Problems::default();
    let name = problems.take("name", typed.trim().parse::<UserName>());
    if full_name.chars().count() > FULL_NAME_MAX {
        problems.add("full_name", format!("The name is too long; take at most {FULL_NAME_MAX} characters."));
    }
    let password = checked_password(password, typed.trim(), &mut problems);
    let again = |layout, problems| {
        let (token, name, full_name) = (token.reveal().to_owned(), line(&typed), full_name.clone());
        html(StatusCode::UNPROCESSABLE_ENTITY, &SetupPage { layout, token, name, full_name, problems })
    };
    let (Some(name), Some(password), true) = (name, password, problems.is_empty()) else {
        return again(layout, problems);
    };

    let hash = state.hasher.hash(password).await.map_err(SignInError::from)?;
    let Some(taken) = state.setup.take(&token, state.clock.now_us()) else { return gone(layout) };
    let by = visitor.actor_named(name.as_str(), Role::Admin.as_str());
    let user = NewUser {
        name: name.clone(),
        full_name: full_name.clone(),
        role: Role::Admin,
        password_hash: Some(hash.into_string()),
    };
    match state.store.add_first_admin(&by, &user, state.clock.now_us()).await {
        Ok(Some(_)) => {}
        Ok(None) => return gone(layout),
        Err(error) => {
            state.setup.give_back(taken);
            if let StoreError::Duplicate { .. } = error {
                problems.add("name", format!("{error}. Take another name."));
                return again(layout, problems);
            }
            return Err(error.into());
        }
    }
    tracing::info!(user = %name, address = %visitor.address, "the first administrator was added, the set-up is closed");
    let user = state.store.user_named(name.as_str()).await?.ok_or(WebError::SignIn)?;
    enter(&state, &visitor, &user, "/account").await
}

/// A new password that is hard enough to guess; otherwise its problem is noted.
pub(super) fn checked_password(typed: Option<Password>, user: &str, problems: &mut Problems) -> Option<Password> {
    let typed = typed.filter(|password| !password.reveal().is_empty());
    let Some(password) = typed else {
        problems.add("password", "Enter a password.");
        return None;
    };
    problems.take("password", weak::check(&password, user)).map(|()| password)
}

/// The token, if it opens the set-up for this visitor now.
async fn open(state: &State, visitor: &Visitor, token: &str) -> Result<Option<LinkToken>, WebError> {
    // Over plain HTTP from elsewhere anybody on the way could read the token and the password.
    let is_private = state.is_secure || visitor.address.is_loopback();
    let token = LinkToken::parse(token).filter(|token| is_private && state.setup.accepts(token, state.clock.now_us()));
    let Some(token) = token else { return Ok(None) };
    Ok(if state.store.has_admin().await? { None } else { Some(token) })
}

fn gone(layout: Layout) -> Result<HttpResponse, WebError> {
    Gone {
        layout,
        title: "This set-up link opens nothing",
        why: "A set-up link works once, for 30 minutes, over TLS or on the server's own machine, and only until there is \
              an administrator.",
        next: "If this server has an administrator, sign in. If it has none, restart it and open the new link that its \
               console shows.",
    }
    .answer()
}
