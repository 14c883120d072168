//! `/account`: one's own password, second factor and sessions.

pub mod confirm;
pub mod password;
pub mod second_factor;
pub mod sessions;
pub mod words;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::auth::session::{ABSOLUTE_US, IDLE_US};
use crate::domain::user::Role;
use crate::store::sessions::SessionLine;
use crate::store::users::User;
use crate::web::answer::page as html;
use crate::web::forms::Problems;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::visitor::{Principal, SignedIn};
use crate::web::{State, Visitor, WebError};

use words::browser_words;

/// Fewer recovery codes than this are few.
const CODES_FEW: i64 = 3;

/// What just happened, in the address.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "account/page.html")]
struct AccountPage {
    layout: Layout,
    user: User,
    notice: &'static str,
    codes_left: i64,
    sessions: Vec<SessionLine>,
    own: SignedIn,
    now_us: i64,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "account/demo.html")]
struct DemoPage {
    layout: Layout,
}

impl AccountPage {
    fn browser(&self, session: &SessionLine) -> String {
        browser_words(&session.agent)
    }

    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn is_this(&self, session: &SessionLine) -> bool {
        session.session_id == self.own.session
    }

    /// What the role allows, with what the ones before it do.
    fn allowed(&self) -> String {
        let roles = Role::ALL.into_iter().filter(|role| *role <= self.user.role);
        roles.map(|role| role.allows().trim_start_matches("also ")).collect::<Vec<_>>().join(", ")
    }

    fn has_second_factor(&self) -> bool {
        self.user.totp_secret.is_some()
    }

    fn should_have_second_factor(&self) -> bool {
        self.user.role == Role::Admin && !self.has_second_factor()
    }

    fn has_few_codes(&self) -> bool {
        self.codes_left < CODES_FEW
    }
}

/// `GET /account`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    query: web::Query<Query>,
) -> Result<HttpResponse, WebError> {
    if visitor.principal == Principal::Demo {
        return html(StatusCode::OK, &DemoPage { layout: Layout::new(&request, "account") });
    }
    let notice = match query.after.as_str() {
        "password" => "Your password is changed. All your other sessions have ended.",
        "end" => "The session has ended.",
        "end-others" => "All your other sessions have ended.",
        "second-factor-off" => "The second factor is off.",
        _ => "",
    };
    show(&request, &state, visitor.user()?, StatusCode::OK, notice, Problems::default()).await
}

/// The page with what just happened, or with the problems of its form.
async fn show(
    request: &HttpRequest,
    state: &State,
    own: &SignedIn,
    status: StatusCode,
    notice: &'static str,
    problems: Problems,
) -> Result<HttpResponse, WebError> {
    let now_us = state.clock.now_us();
    let user = state.store.user(own.user).await?.ok_or(WebError::SignIn)?;
    let sessions = state.store.sessions_of(own.user, now_us - IDLE_US, now_us - ABSOLUTE_US).await?;
    let codes_left = state.store.recovery_codes_left(own.user).await?;
    let mut layout = Layout::new(request, "account");
    "/account".clone_into(&mut layout.here);
    html(status, &AccountPage { layout, user, notice, codes_left, sessions, own: own.clone(), now_us, problems })
}
