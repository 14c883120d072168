//! Alarms: what is wrong, since when, where, and what somebody does about it.

pub mod list;
pub mod show;

use actix_web::{HttpResponse, web};

use crate::domain::ids::AlarmId;
use crate::domain::safety::Severity;
use crate::store::alarm_list::Alarm;
use crate::web::moment::Moment;
use crate::web::pages::monitor::numbers::duration_words;
use crate::web::{State, WebError};

/// What stands before and after an alarm on the chart it leads to, µs.
const AROUND_US: i64 = 300_000_000;

/// Icon, word and colour of a severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    /// Colour class.
    pub tone: &'static str,
    /// Name of the icon.
    pub icon: &'static str,
    /// The word.
    pub word: &'static str,
}

/// The badge of a severity.
#[must_use]
pub fn badge(severity: Severity) -> Badge {
    match severity {
        Severity::Critical => Badge { tone: "alarm", icon: "alert-octagon", word: "Critical" },
        Severity::Alarm => Badge { tone: "alarm", icon: "alert-octagon", word: "Alarm" },
        Severity::Warning => Badge { tone: "warning", icon: "alert-triangle", word: "Warning" },
        Severity::Info => Badge { tone: "away", icon: "info-circle", word: "Note" },
    }
}

/// An alarm as pages show it.
pub struct Row {
    /// What is stored.
    pub alarm: Alarm,
    /// When it was raised.
    pub since: Moment,
    /// When it was raised last, if more than once.
    pub last: Option<Moment>,
    /// Whether it is still so.
    pub is_over: bool,
    /// How long it lasted, or lasts.
    pub lasts: String,
    /// When somebody answered.
    pub answered: Option<Moment>,
}

impl Row {
    /// An alarm as it reads at `now_us`.
    #[must_use]
    pub fn new(alarm: Alarm, now_us: i64) -> Self {
        let end_us = alarm.cleared_at_us.unwrap_or(now_us);
        Self {
            since: Moment::with_seconds(alarm.at_us, now_us),
            last: (alarm.repeat_count > 1).then(|| Moment::with_seconds(alarm.last_at_us, now_us)),
            is_over: alarm.cleared_at_us.is_some(),
            lasts: duration_words(end_us.saturating_sub(alarm.at_us).max(0)),
            answered: alarm.acknowledged_at_us.map(|at_us| Moment::with_seconds(at_us, now_us)),
            alarm,
        }
    }

    /// Its badge.
    #[must_use]
    pub fn badge(&self) -> Badge {
        badge(self.alarm.severity)
    }

    /// The minutes around it on the chart of its experiment.
    #[must_use]
    pub fn chart(&self) -> Option<String> {
        let (experiment, _) = self.alarm.experiment.as_ref()?;
        let (from_us, to_us) = (self.alarm.at_us - AROUND_US, self.alarm.at_us + AROUND_US);
        Some(format!(
            "/experiments/{experiment}?from_us={from_us}&to_us={to_us}&mark_us={}#chart-head",
            self.alarm.at_us
        ))
    }
}

/// The alarm of an address.
///
/// # Errors
/// [`WebError::NotFound`] when there is none.
pub async fn find(state: &State, id: &str) -> Result<Alarm, WebError> {
    let id: AlarmId = id.parse::<i64>().map_err(|_| WebError::NotFound("alarm"))?.into();
    state.store.alarm(id).await?.ok_or(WebError::NotFound("alarm"))
}

/// `GET /alarms/counts.json`: what the top bar shows, for the pages' own script.
///
/// # Errors
/// None.
pub async fn counts(state: web::Data<State>) -> Result<HttpResponse, WebError> {
    Ok(HttpResponse::Ok().json(state.bell.rings()))
}
