//! `GET /api/v1/experiments/{id}/marks`: what a chart of an experiment shows besides its curves: alarms on the time axis, and
//! the limits at which the run is stopped.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::domain::ids::{AlarmId, ExperimentId};
use crate::domain::run::RunLimits;
use crate::domain::safety::Severity;
use crate::store::alarm_list::{Alarm, AlarmFilter, Answered, EXPERIMENT_ROWS};
use crate::web::answer::kept_json;
use crate::web::{State, WebError};

/// The answer.
#[derive(Debug, Serialize)]
struct Answer {
    marks: Vec<Mark>,
    /// None of an experiment that nothing was ordered for.
    limits: Vec<Limit>,
}

/// A limit, drawn where the column is.
#[derive(Debug, Serialize)]
struct Limit {
    column: &'static str,
    /// In the column's own unit.
    value: f64,
    side: Side,
}

/// On which side of a limit a run is stopped.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Below,
    Above,
}

impl Limit {
    /// Those of single values; limits of charge, time and rates have no place on a chart of values.
    fn of(limits: &RunLimits) -> Vec<Self> {
        [
            ("voltage_v", Side::Below, Some(limits.voltage_min_v)),
            ("voltage_v", Side::Above, Some(limits.voltage_max_v)),
            ("current_a", Side::Below, Some(limits.current_min_a)),
            ("current_a", Side::Above, Some(limits.current_max_a)),
            ("temperature_c", Side::Below, limits.temperature_min_c),
            ("temperature_c", Side::Above, limits.temperature_max_c),
        ]
        .into_iter()
        .filter_map(|(column, side, value)| Some(Self { column, value: value?, side }))
        .collect()
    }
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

/// The newest alarms of an experiment, at most as many as a chart can show apart, notes being no marks; and its limits.
///
/// # Errors
/// When the database fails.
pub async fn of_experiment(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> Result<HttpResponse, WebError> {
    let experiment = ExperimentId(*id);
    let of_this = AlarmFilter { answered: Answered::All, experiment: Some(experiment), ..AlarmFilter::default() };
    let alarms = state.store.alarms(&of_this, EXPERIMENT_ROWS).await?;
    let marks = alarms.into_iter().filter(|alarm| alarm.severity != Severity::Info).map(Mark::from).collect();
    let terms = state.store.run_terms(experiment).await?;
    let limits = terms.map(|terms| Limit::of(&terms.limits)).unwrap_or_default();
    kept_json(&request, &Answer { marks, limits })
}
