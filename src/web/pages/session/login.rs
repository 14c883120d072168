//! `/login`: name and password, then the code of those who use a second factor.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{browser_of, enter, refusal};
use crate::auth::password::Password;
use crate::auth::sign_in::{Answer, Try};
use crate::web::answer::{page as html, see_other};
use crate::web::error::local_path;
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::visitor::Principal;
use crate::web::{State, Visitor, WebError};

/// Longest user name that is shown again, characters.
const SHOWN_NAME_MAX: usize = 64;

/// The address of the page.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    /// Where to go afterwards.
    #[serde(default)]
    back: String,
    /// What just happened: `sign-out`, `password`.
    #[serde(default)]
    after: String,
    /// User name to fill in.
    #[serde(default)]
    name: String,
}

/// The form: name and password, or ticket and code.
#[derive(Deserialize)]
pub struct Form {
    #[serde(default)]
    name: String,
    password: Option<Password>,
    #[serde(default)]
    ticket: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    back: String,
}

#[derive(Template)]
#[template(path = "session/login.html")]
struct LoginPage {
    layout: Layout,
    name: String,
    back: String,
    notice: &'static str,
    is_unset: bool,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "session/code.html")]
struct CodePage {
    layout: Layout,
    ticket: String,
    back: String,
    problems: Problems,
}

/// `GET /login?back=/devices`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    query: web::Query<Query>,
) -> Result<HttpResponse, WebError> {
    let Query { back, after, name } = query.into_inner();
    if matches!(visitor.principal, Principal::User(_)) {
        return Ok(see_other(local_path(&back)));
    }
    let notice = match after.as_str() {
        "sign-out" => "You are signed out.",
        "password" => "Your password is set. Sign in with it.",
        "end" => "The session has ended.",
        _ => "",
    };
    let page = LoginPage {
        layout: Layout::new(&request, ""),
        name: shown(&name),
        back: local_path(&back).to_owned(),
        notice,
        is_unset: !state.store.has_admin().await?,
        problems: Problems::default(),
    };
    html(StatusCode::OK, &page)
}

/// `POST /login`.
///
/// # Errors
/// When the password cannot be compared or the database fails.
pub async fn submit(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    form: web::Form<Form>,
) -> Result<HttpResponse, WebError> {
    let form = form.into_inner();
    let (browser, by) = (browser_of(&request, &state), visitor.actor());
    let this = Try { address: visitor.address, browser: &browser, by: &by, now_us: state.clock.now_us() };
    let mut problems = Problems::default();
    let mut layout = Layout::new(&request, "");
    "/login".clone_into(&mut layout.here);
    let back = local_path(&form.back).to_owned();

    if !form.ticket.is_empty() {
        if form.code.trim().is_empty() {
            problems.add("code", "Enter the code your phone shows, or a recovery code.");
            return html(StatusCode::UNPROCESSABLE_ENTITY, &CodePage { layout, ticket: form.ticket, back, problems });
        }
        let answer = state.sign_in().code(&form.ticket, &form.code, this).await?;
        if let Answer::Right(user) = &answer {
            return enter(&state, &visitor, user, &back).await;
        }
        if let Some((status, message)) = refusal(&state, &visitor, &answer, "").await {
            problems.add("code", message);
            return html(status, &CodePage { layout, ticket: form.ticket, back, problems });
        }
        problems.add("password", "That took too long, or it was another browser. Give name and password again.");
        let page = LoginPage { layout, name: String::new(), back, notice: "", is_unset: false, problems };
        return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }

    let password = form.password.filter(|password| !password.reveal().is_empty());
    if form.name.trim().is_empty() {
        problems.add("name", "Enter your user name.");
    }
    if password.is_none() {
        problems.add("password", "Enter your password.");
    }
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(password) = password.filter(|_| problems.is_empty()) {
        match state.sign_in().password(&form.name, password, this).await? {
            Answer::Right(user) => return enter(&state, &visitor, &user, &back).await,
            Answer::CodeNext(ticket) => {
                let ticket = ticket.reveal().to_owned();
                return html(StatusCode::OK, &CodePage { layout, ticket, back, problems });
            }
            answer => {
                let told = refusal(&state, &visitor, &answer, "User name or password is not right.").await;
                let (code, message) = told.unwrap_or((status, String::new()));
                status = code;
                problems.add("password", message);
            }
        }
    }
    html(status, &LoginPage { layout, name: shown(&form.name), back, notice: "", is_unset: false, problems })
}

/// A name as it is shown again.
fn shown(name: &str) -> String {
    line(name).chars().take(SHOWN_NAME_MAX).collect()
}
