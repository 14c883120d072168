//! `GET` and `POST /tokens/new`: a token for a program. It is shown this once.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::DAY_US;
use crate::auth::token::ApiToken;
use crate::domain::user::Scope;
use crate::store::tokens::NewApiToken;
use crate::store::users::User;
use crate::web::forms::{Problems, line};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// Longest name of a token, in characters: what the column holds.
const NAME_MAX: usize = 64;
/// Longest life of a token, days: it is looked at once a year.
const DAYS_MAX: i64 = 366;
const DAYS_DEFAULT: &str = "90";
/// The scopes in the order they are offered: the least first.
const SCOPES: [Scope; 2] = [Scope::Read, Scope::Write];

/// What is typed; everything stays as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    name: String,
    owner: String,
    scope: String,
    days: String,
}

#[derive(Template)]
#[template(path = "tokens/add.html")]
struct Page {
    layout: Layout,
    typed: Typed,
    owners: Vec<User>,
    problems: Problems,
}

impl Page {
    fn is_owner(&self, user: &User) -> bool {
        user.name == self.typed.owner
    }

    fn is_scope(&self, scope: &Scope) -> bool {
        scope.as_str() == self.typed.scope
    }
}

#[derive(Template)]
#[template(path = "tokens/made.html")]
struct Made {
    layout: Layout,
    name: String,
    owner: String,
    scope: Scope,
    secret: String,
    expires: Moment,
}

/// Answers with the empty form.
///
/// # Errors
/// When the database fails.
pub async fn form(request: HttpRequest, state: web::Data<State>, visitor: Visitor) -> Result<HttpResponse, WebError> {
    let typed = Typed {
        owner: visitor.user().map(|own| own.name.clone()).unwrap_or_default(),
        scope: Scope::Read.as_str().to_owned(),
        days: DAYS_DEFAULT.to_owned(),
        ..Typed::default()
    };
    let page = Page {
        layout: Layout::new(&request, "tokens"),
        typed,
        owners: owners(&state).await?,
        problems: Problems::default(),
    };
    answer::page(StatusCode::OK, &page)
}

/// Makes the token and shows it.
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
    let now_us = state.clock.now_us();
    let mut owners = owners(&state).await?;
    let mut problems = Problems::default();
    let owner = owners.iter().position(|user| user.name == typed.owner);
    let name = take_name(&mut problems, &typed.name);
    if let Some(name) = &name
        && state.store.api_tokens().await?.iter().any(|token| {
            token.name == *name
                && token.owner == typed.owner
                && token.revoked_at_us.is_none()
                && token.expires_at_us > now_us
        })
    {
        problems.add("name", format!("{} has a token “{name}” that works. Choose another name.", typed.owner));
    }
    if owner.is_none() {
        problems.add("owner", "Choose somebody who may sign in.");
    }
    let scope = problems.take("scope", typed.scope.parse::<Scope>().map_err(|_| "Choose read or write."));
    let days = take_days(&mut problems, &typed.days);
    let (Some(name), Some(owner), Some(scope), Some(days), true) = (name, owner, scope, days, problems.is_empty())
    else {
        let page = Page { layout: Layout::new(&request, "tokens"), typed, owners, problems };
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let owner = owners.swap_remove(owner);
    let token = ApiToken::random().map_err(WebError::internal)?;
    let expires_at_us = now_us + days * DAY_US;
    let new = NewApiToken { token_sha256: &token.sha256(), name: &name, scope, expires_at_us };
    state.store.add_api_token(&visitor.actor(), &owner, new, now_us).await?;
    answer::secret_page(&Made {
        layout: Layout::new(&request, "tokens"),
        owner: owner.name,
        scope,
        secret: token.reveal().to_owned(),
        expires: Moment::new(expires_at_us, now_us),
        name,
    })
}

/// Who may own a token.
async fn owners(state: &State) -> Result<Vec<User>, WebError> {
    let mut users = state.store.users().await?;
    users.retain(|user| !user.disabled);
    Ok(users)
}

fn take_name(problems: &mut Problems, typed: &str) -> Option<String> {
    let name = line(typed);
    let checked = match name.chars().count() {
        0 => Err("Say what the token is for: “plots of the night”.".to_owned()),
        length if length > NAME_MAX => Err(format!("The name has {length} characters. Use {NAME_MAX} or fewer.")),
        _ => Ok(name),
    };
    problems.take("name", checked)
}

fn take_days(problems: &mut Problems, typed: &str) -> Option<i64> {
    let days = typed.trim().parse().ok().filter(|days| (1..=DAYS_MAX).contains(days));
    problems.take("days", days.ok_or_else(|| format!("Enter a whole number of days from 1 to {DAYS_MAX}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_between_a_day_and_a_year() {
        for (typed, days) in
            [("1", Some(1)), (" 366 ", Some(366)), ("0", None), ("367", None), ("-1", None), ("90.5", None), ("", None)]
        {
            let mut problems = Problems::default();
            assert_eq!(take_days(&mut problems, typed), days, "{typed}");
            assert_eq!(problems.of("days").is_some(), days.is_none(), "{typed}");
        }
    }
}
