//! What every page has around its content.

use actix_web::{HttpMessage, HttpRequest, web};
use chrono::{DateTime, Local, Offset, Utc};

use super::bell::Rings;
use super::visitor::Principal;
use super::{State, Visitor, cookie};
use crate::domain::user::Role;

/// Colours of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the visitor's system has it.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The word in the cookie and in `<html data-theme>`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of a word; anything unknown is [`Theme::Auto`].
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }

    fn of(request: &HttpRequest) -> Self {
        let word = cookie::read(request.headers(), "theme");
        word.map(Self::from_word).unwrap_or_default()
    }
}

/// The frame of a page: side bar, top bar, theme.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Name of the section shown in the side bar as the present one; empty for none.
    pub section: &'static str,
    /// Colours.
    pub theme: Theme,
    /// Path and query of this page: where the theme form leads back to.
    pub here: String,
    /// Time of day on the server, as shown before a script takes over.
    pub clock: String,
    /// Name of the zone of `clock`.
    pub zone: String,
    /// The date with its weekday.
    pub date: String,
    /// Version of the program.
    pub version: &'static str,
    /// What every form carries.
    pub csrf: String,
    /// Who is signed in.
    pub who: Who,
    /// How many alarms wait for an answer, and whether anything can be stored.
    pub rings: Rings,
}

/// Who is signed in, as pages show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// User name; empty for nobody.
    pub name: String,
    /// Name for people, or the user name.
    pub full_name: String,
    /// What they may do; `None` for nobody.
    pub role: Option<Role>,
    /// Whether this is the demo's operator.
    pub is_demo: bool,
}

impl Who {
    fn of(visitor: &Visitor) -> Self {
        let (name, full_name) = match &visitor.principal {
            Principal::User(user) if user.full_name.is_empty() => (user.name.clone(), user.name.clone()),
            Principal::User(user) => (user.name.clone(), user.full_name.clone()),
            Principal::Demo => ("demo".to_owned(), "Demo operator".to_owned()),
            Principal::Program(program) => (program.owner.clone(), program.name.clone()),
            Principal::Nobody => Default::default(),
        };
        Self { name, full_name, role: visitor.principal.role(), is_demo: visitor.principal == Principal::Demo }
    }

    /// Whether anybody may look around.
    #[must_use]
    pub fn is_somebody(&self) -> bool {
        self.role.is_some()
    }

    /// Whether they may run experiments.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.role >= Some(Role::Operator)
    }

    /// Whether they may change users, devices and settings.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Some(Role::Admin)
    }
}

impl Layout {
    /// The frame of the page a request asks for.
    #[must_use]
    pub fn new(request: &HttpRequest, section: &'static str) -> Self {
        let state = request.app_data::<web::Data<State>>();
        let clock = state.map(|state| state.clock.clone()).unwrap_or_default();
        let visitor = request.extensions().get::<Visitor>().cloned();
        let now = DateTime::<Utc>::from_timestamp_micros(clock.now_us()).unwrap_or_default().with_timezone(&Local);
        Self {
            section,
            theme: Theme::of(request),
            here: request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            clock: now.format("%H:%M:%S").to_string(),
            zone: zone_name(&now),
            date: now.format("%a %-d %b %Y").to_string(),
            version: env!("CARGO_PKG_VERSION"),
            csrf: visitor.as_ref().map(|visitor| visitor.csrf.clone()).unwrap_or_default(),
            rings: state
                .filter(|_| visitor.as_ref().is_some_and(|visitor| visitor.principal.role().is_some()))
                .map(|state| state.bell.rings())
                .unwrap_or_default(),
            who: visitor.as_ref().map(Who::of).unwrap_or_default(),
        }
    }
}

/// `UTC`, or `UTC+01:00`.
fn zone_name(now: &DateTime<Local>) -> String {
    if now.offset().fix().local_minus_utc() == 0 { "UTC".to_owned() } else { now.format("UTC%:z").to_string() }
}

/// A moment on the server's wall clock: `02:34:18`.
#[must_use]
pub fn clock_time(at_us: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(at_us)
        .map_or_else(String::new, |at| at.with_timezone(&Local).format("%H:%M:%S").to_string())
}

/// A moment as programs read it: RFC 3339, UTC, microseconds.
#[must_use]
pub fn iso_time(at_us: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(at_us)
        .map_or_else(String::new, |at| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
}
