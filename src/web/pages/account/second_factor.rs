//! `/account/second-factor`: turns the codes of a telephone on and off.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::session::{browser_of, refusal};
use crate::auth::password::Password;
use crate::auth::qr;
use crate::auth::recovery::RecoveryCode;
use crate::auth::session::CONFIRMED_US;
use crate::auth::sign_in::{Answer, Try};
use crate::auth::totp::TotpSecret;
use crate::store::second_factor::SecondFactor;
use crate::store::users::User;
use crate::web::answer::{page as html, see_other};
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::visitor::SignedIn;
use crate::web::{State, Visitor, WebError};

/// Name of this server in the app.
const ISSUER: &str = "Cellar";
const PATH: &str = "/account/second-factor";

/// The first code.
#[derive(Deserialize)]
pub struct TurnOn {
    #[serde(default)]
    code: String,
}

/// Password and code of a change.
#[derive(Deserialize)]
pub struct Proof {
    password: Option<Password>,
    #[serde(default)]
    code: String,
}

#[derive(Template)]
#[template(path = "account/second-factor-on.html")]
struct TurnOnPage {
    layout: Layout,
    qr_svg: String,
    key: Zeroizing<String>,
    uri: Zeroizing<String>,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "account/second-factor.html")]
struct ManagePage {
    layout: Layout,
    codes_left: i64,
    problems: Problems,
    /// Whether the problems are of the form that turns it off.
    is_off: bool,
}

impl ManagePage {
    fn of(&self, is_off: bool) -> Problems {
        if self.is_off == is_off { self.problems.clone() } else { Problems::default() }
    }
}

#[derive(Template)]
#[template(path = "account/codes.html")]
struct CodesPage {
    layout: Layout,
    codes: Vec<Zeroizing<String>>,
    is_first: bool,
}

/// `GET /account/second-factor`: how to turn it on; once it is on, how to change it.
///
/// # Errors
/// [`WebError::ConfirmFirst`] when the password was given too long ago to turn it on.
pub async fn page(request: HttpRequest, state: web::Data<State>, visitor: Visitor) -> Result<HttpResponse, WebError> {
    let own = visitor.user()?;
    let user = state.store.user(own.user).await?.ok_or(WebError::SignIn)?;
    if user.totp_secret.is_some() {
        return manage(&request, &state, &user, StatusCode::OK, Problems::default(), false).await;
    }
    must_be_fresh(own, &state)?;
    turn_on_page(&request, &state, own, StatusCode::OK, Problems::default())
}

/// `POST /account/second-factor`: turns it on if the code fits, and shows the recovery codes this once.
///
/// # Errors
/// [`WebError::Conflict`] when it is on.
pub async fn turn_on(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    form: web::Form<TurnOn>,
) -> Result<HttpResponse, WebError> {
    let (own, now_us) = (visitor.user()?, state.clock.now_us());
    let user = state.store.user(own.user).await?.ok_or(WebError::SignIn)?;
    if user.totp_secret.is_some() {
        return Err(WebError::Conflict("The second factor is on already.".to_owned()));
    }
    must_be_fresh(own, &state)?;
    let secret = state.enrolments.get(&own.session, now_us);
    let step = secret.as_ref().and_then(|secret| secret.verify(&form.code, now_us, None));
    let (Some(secret), Some(step)) = (secret, step) else {
        let mut problems = Problems::default();
        problems.add(
            "code",
            "The code does not fit. Enter the six digits the app shows now; the telephone's clock must be right.",
        );
        return turn_on_page(&request, &state, own, StatusCode::UNPROCESSABLE_ENTITY, problems);
    };
    let (codes, codes_sha256) = new_codes()?;
    let factor = SecondFactor { secret: secret.reveal(), step, codes_sha256: &codes_sha256 };
    state.store.set_second_factor(&visitor.actor(), &user, Some(factor), now_us).await?;
    state.enrolments.forget(&own.session);
    html(StatusCode::OK, &CodesPage { layout: layout(&request), codes, is_first: true })
}

/// `POST /account/second-factor/off`.
///
/// # Errors
/// When the password cannot be compared or the database fails.
pub async fn turn_off(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    form: web::Form<Proof>,
) -> Result<HttpResponse, WebError> {
    match proven(&request, &state, &visitor, form.into_inner(), true).await? {
        Proven::Yes(user) => {
            state.store.set_second_factor(&visitor.actor(), &user, None, state.clock.now_us()).await?;
            Ok(see_other("/account?after=second-factor-off"))
        }
        Proven::No(answer) => Ok(answer),
    }
}

/// `POST /account/second-factor/codes`: new recovery codes, shown this once; the old ones no longer work.
///
/// # Errors
/// When the password cannot be compared or the database fails.
pub async fn renew_codes(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    form: web::Form<Proof>,
) -> Result<HttpResponse, WebError> {
    match proven(&request, &state, &visitor, form.into_inner(), false).await? {
        Proven::Yes(user) => {
            let (codes, codes_sha256) = new_codes()?;
            state.store.renew_recovery_codes(&visitor.actor(), &user, &codes_sha256, state.clock.now_us()).await?;
            html(StatusCode::OK, &CodesPage { layout: layout(&request), codes, is_first: false })
        }
        Proven::No(answer) => Ok(answer),
    }
}

enum Proven {
    Yes(Box<User>),
    No(HttpResponse),
}

/// Whether password and code of a form are right; otherwise the page that says what is wrong.
async fn proven(
    request: &HttpRequest,
    state: &State,
    visitor: &Visitor,
    form: Proof,
    is_off: bool,
) -> Result<Proven, WebError> {
    let own = visitor.user()?;
    let user = state.store.user(own.user).await?.ok_or(WebError::SignIn)?;
    if user.totp_secret.is_none() {
        return Ok(Proven::No(see_other(PATH)));
    }
    let mut problems = Problems::default();
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    let password = form.password.filter(|password| !password.reveal().is_empty());
    if password.is_none() {
        problems.add("password", "Enter your password.");
    }
    if form.code.trim().is_empty() {
        problems.add("code", "Enter a code of your telephone, or a recovery code.");
    }
    if let Some(password) = password.filter(|_| problems.is_empty()) {
        let (browser, by) = (browser_of(request, state), visitor.actor());
        let this = Try { address: visitor.address, browser: &browser, by: &by, now_us: state.clock.now_us() };
        let answer = state.sign_in().again(own.user, password, Some(&form.code), this).await?;
        let is_code = matches!(&answer, Answer::Wrong(refusal) if refusal.is_code);
        if let Some((code, message)) = refusal(state, visitor, &answer, "The password is not right.").await {
            status = code;
            problems.add(if is_code { "code" } else { "password" }, message);
        }
        if let Answer::Right(user) = answer {
            return Ok(Proven::Yes(user));
        }
    }
    manage(request, state, &user, status, problems, is_off).await.map(Proven::No)
}

async fn manage(
    request: &HttpRequest,
    state: &State,
    user: &User,
    status: StatusCode,
    problems: Problems,
    is_off: bool,
) -> Result<HttpResponse, WebError> {
    let codes_left = state.store.recovery_codes_left(user.user_id).await?;
    html(status, &ManagePage { layout: layout(request), codes_left, problems, is_off })
}

fn turn_on_page(
    request: &HttpRequest,
    state: &State,
    own: &SignedIn,
    status: StatusCode,
    problems: Problems,
) -> Result<HttpResponse, WebError> {
    let secret = state.enrolments.secret_for(own.session, state.clock.now_us()).map_err(WebError::internal)?;
    let uri = TotpSecret::uri(&secret, ISSUER, &own.name);
    let qr_svg = qr::svg(&uri, "QR code of the key").map_err(WebError::internal)?;
    html(status, &TurnOnPage { layout: layout(request), qr_svg, key: secret.to_typed(), uri, problems })
}

/// Whoever finds an open browser must not lock its owner out: the password was given lately.
fn must_be_fresh(own: &SignedIn, state: &State) -> Result<(), WebError> {
    if state.clock.now_us() - own.confirmed_at_us > CONFIRMED_US {
        return Err(WebError::ConfirmFirst(PATH.to_owned()));
    }
    Ok(())
}

type Codes = (Vec<Zeroizing<String>>, Vec<[u8; 32]>);

/// Recovery codes as they are shown, and what is stored of them.
fn new_codes() -> Result<Codes, WebError> {
    let codes = RecoveryCode::random_set().map_err(WebError::internal)?;
    Ok(codes.iter().map(|code| (code.reveal(), code.sha256())).unzip())
}

fn layout(request: &HttpRequest) -> Layout {
    let mut layout = Layout::new(request, "account");
    PATH.clone_into(&mut layout.here);
    layout
}
