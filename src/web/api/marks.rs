//! `GET /api/v1/experiments/{id}/marks`: alarms of an experiment as marks on the time axis of its chart.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::domain::ids::{AlarmId, ExperimentId};
use crate::domain::safety::Severity;
use crate::store::alarm_list::{Alarm, AlarmFilter, Answered, EXPERIMENT_ROWS};
use crate::web::answer::kept_json;
use crate::web::{State, WebError};

/// The answer.
#[derive(Debug, Serialize)]
struct Answer {
    marks: Vec<Mark>,
}

/// An alarm on a chart.
#[derive(Debug, Serialize)]
struct Mark {
    alarm_id: AlarmId,
    /// When it was raised, µs UTC.
    at_us: i64,
    /// When it was over, µs UTC.
    until_us: Option<i64>,
    severity: Severity,
    /// What the flag says.
    words: String,
    /// Where more is told.
    href: String,
}

impl From<Alarm> for Mark {
    fn from(alarm: Alarm) -> Self {
        Self {
            alarm_id: alarm.id,
            at_us: alarm.at_us,
            until_us: alarm.cleared_at_us,
            severity: alarm.severity,
            words: alarm.message,
            href: format!("/alarms/{}", alarm.id),
        }
    }
}

/// The newest alarms of an experiment, at most as many as a chart can show apart; notes are no marks.
///
/// # Errors
/// When the database fails.
pub async fn of_experiment(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> Result<HttpResponse, WebError> {
    let of_this =
        AlarmFilter { answered: Answered::All, experiment: Some(ExperimentId(*id)), ..AlarmFilter::default() };
    let alarms = state.store.alarms(&of_this, EXPERIMENT_ROWS).await?;
    let marks = alarms.into_iter().filter(|alarm| alarm.severity != Severity::Info).map(Mark::from).collect();
    kept_json(&request, &Answer { marks })
}
