//! `GET /alarms`: those nobody has answered first, filtered by what the address says.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};

use super::{Badge, Row, badge};
use crate::domain::ids::{AlarmId, ExperimentId, StationId};
use crate::domain::safety::Severity;
use crate::ingest::lookout::Lookout;
use crate::store::alarm_list::{AlarmFilter, Answered, PAGE_ROWS};
use crate::store::alarms::NewAlarm;
use crate::web::answer::{DoneQuery, Notice};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Stations offered in the filter.
const STATIONS_MAX: i64 = 500;

#[derive(Template)]
#[template(path = "alarms/list.html")]
struct Page {
    layout: Layout,
    asked: Asked,
    rows: Vec<Row>,
    unstored: Vec<Unstored>,
    stations: Vec<(StationId, String)>,
    older: Option<AlarmId>,
    notice: Option<Notice>,
}

/// An alarm that waits for the database.
struct Unstored {
    badge: Badge,
    message: String,
    since: Moment,
}

impl Unstored {
    fn new(alarm: NewAlarm, now_us: i64) -> Self {
        Self { badge: badge(alarm.severity), message: alarm.message, since: Moment::with_seconds(alarm.at_us, now_us) }
    }
}

/// What the address asks for, as it was typed. Empty texts mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Asked {
    #[serde(skip_serializing_if = "String::is_empty")]
    state: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    severity: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    station: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    experiment: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
}

impl Asked {
    /// The filter. Words nobody knows filter nothing.
    pub(in crate::web) fn filter(&self) -> AlarmFilter {
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number > 0);
        AlarmFilter {
            answered: Answered::from_word(&self.state).unwrap_or_default(),
            severity: Severity::from_word(&self.severity),
            station: number(&self.station).map(StationId),
            experiment: number(&self.experiment).map(ExperimentId),
            before: number(&self.before).map(AlarmId),
        }
    }

    fn is_tab(&self, state: &str) -> bool {
        self.filter().answered.as_str() == state
    }

    fn is_severity(&self, word: &str) -> bool {
        self.severity == word
    }

    fn is_station(&self, station: &StationId) -> bool {
        self.filter().station == Some(*station)
    }

    /// The address of another tab, or of the next page.
    fn query(&self, state: &str, before: Option<AlarmId>) -> String {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        let query = serde_urlencoded::to_string(Self { state: state.to_owned(), before, ..self.clone() });
        format!("?{}", query.unwrap_or_default())
    }
}

/// Answers with a page of the alarms.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
    done: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let asked = asked.into_inner();
    let mut alarms = state.store.alarms(&asked.filter(), PAGE_ROWS + 1).await?;
    let shown = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    let has_older = alarms.len() > shown;
    alarms.truncate(shown);
    let now_us = state.clock.now_us();
    let unstored = state.lookout.get().map(Lookout::unstored).unwrap_or_default();
    let stations = state.store.station_choices(STATIONS_MAX).await?;
    let page = Page {
        layout: Layout::new(&request, "alarms"),
        older: alarms.last().filter(|_| has_older).map(|alarm| alarm.id),
        rows: alarms.into_iter().map(|alarm| Row::new(alarm, now_us)).collect(),
        unstored: unstored.into_iter().map(|alarm| Unstored::new(alarm, now_us)).collect(),
        stations: stations.into_iter().map(|choice| (choice.station_id, choice.name)).collect(),
        notice: (done.done == "answered").then(|| Notice::done("Answered. The bench goes on as before.")),
        asked,
    };
    answer::page(StatusCode::OK, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_stay_in_the_address_and_unknown_words_filter_nothing() {
        let asked = Asked { severity: "alarm".into(), station: "4".into(), ..Asked::default() };
        assert_eq!(asked.query("all", Some(AlarmId(7))), "?state=all&severity=alarm&station=4&before=7");
        assert_eq!(asked.filter().severity, Some(Severity::Alarm));
        let odd = Asked { state: "x".into(), severity: "loud".into(), station: "-3".into(), ..Asked::default() };
        assert_eq!(odd.filter(), AlarmFilter::default());
    }
}
