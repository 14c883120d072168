//! `/account/confirm`: the password once more, before pages that need it fresh.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::super::session::{browser_of, give_cookie, refusal};
use crate::auth::password::Password;
use crate::auth::sign_in::{Answer, Try};
use crate::auth::token::SessionToken;
use crate::web::answer::{page as html, see_other};
use crate::web::error::local_path;
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError};

/// The address of the page.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    back: String,
}

/// The form.
#[derive(Deserialize)]
pub struct Form {
    password: Option<Password>,
    #[serde(default)]
    back: String,
}

#[derive(Template)]
#[template(path = "account/confirm.html")]
struct ConfirmPage {
    layout: Layout,
    back: String,
    problems: Problems,
}

/// `GET /account/confirm?back=/users`.
///
/// # Errors
/// [`WebError::Forbidden`] for who has no account.
pub async fn page(request: HttpRequest, visitor: Visitor, query: web::Query<Query>) -> Result<HttpResponse, WebError> {
    visitor.user()?;
    let (layout, back) = (Layout::new(&request, "account"), local_path(&query.back).to_owned());
    html(StatusCode::OK, &ConfirmPage { layout, back, problems: Problems::default() })
}

/// `POST /account/confirm`: the session goes on under a new cookie.
///
/// # Errors
/// When the password cannot be compared or the database fails.
pub async fn submit(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    form: web::Form<Form>,
) -> Result<HttpResponse, WebError> {
    let (own, form) = (visitor.user()?, form.into_inner());
    let back = local_path(&form.back).to_owned();
    let mut problems = Problems::default();
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if let Some(password) = form.password.filter(|password| !password.reveal().is_empty()) {
        let (browser, by, now_us) = (browser_of(&request, &state), visitor.actor(), state.clock.now_us());
        let this = Try { address: visitor.address, browser: &browser, by: &by, now_us };
        let answer = state.sign_in().again(own.user, password, None, this).await?;
        if let Answer::Right(_) = answer {
            let token = SessionToken::random().map_err(WebError::internal)?;
            state.store.confirm_session(&by, own.session, &token.sha256(), now_us).await?;
            let mut answer = see_other(&back);
            give_cookie(&mut answer, &state, &token);
            return Ok(answer);
        }
        if let Some((code, message)) = refusal(&state, &visitor, &answer, "The password is not right.").await {
            status = code;
            problems.add("password", message);
        }
    } else {
        problems.add("password", "Enter your password.");
    }
    let mut layout = Layout::new(&request, "account");
    "/account".clone_into(&mut layout.here);
    html(status, &ConfirmPage { layout, back, problems })
}
