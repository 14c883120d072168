//! `GET /experiments/{id}`: one experiment: what it is, how it went, what it did and what happened.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::archive::Whereabouts;
use super::cycles::Cycles;
use super::facts::Facts;
use super::order::Deed;
use super::{find, status};
use crate::domain::battery::Technology;
use crate::domain::experiment::{Electrolyte, ExperimentState};
use crate::domain::ids::StreamId;
use crate::domain::profile::Step;
use crate::report::chart;
use crate::report::experiment::{Number, numbers};
use crate::store::alarm_list::{AlarmFilter, Answered, EXPERIMENT_ROWS};
use crate::store::experiments::Experiment;
use crate::store::run_orders::LastOrder;
use crate::store::streams::Latest;
use crate::store::transitions::Transition;
use crate::web::answer::{DoneQuery, Notice};
use crate::web::error::archive_words;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::pages::alarms::Row as AlarmRow;
use crate::web::pages::monitor::numbers::{duration_words, value_text};
use crate::web::pages::monitor::quantities::Quantity;
use crate::web::pages::monitor::status::Status;
use crate::web::pages::monitor::table::Table;
use crate::web::summaries::Found;
use crate::web::{State, WebError, answer};

/// Columns of the chart.
const CHART_COLUMNS: [&str; 3] = ["voltage_v", "current_a", "temperature_c"];
/// Pixels of the chart drawn on the server.
const CHART_WIDTH: usize = 700;

#[derive(Template)]
#[template(path = "experiments/show.html")]
struct Page {
    layout: Layout,
    experiment: Experiment,
    measured: Option<Measured>,
    numbers: Vec<Number>,
    /// How the numbers were found; empty without any.
    rule: String,
    /// Its cycles, as far as they are known.
    cycles: Option<Cycles>,
    /// Why they are not, of a long experiment.
    cycles_wait: Option<CyclesWait>,
    facts: Facts,
    happened: Vec<Transition>,
    /// The last order it was given.
    order: Option<LastOrder>,
    alarms: Vec<AlarmRow>,
    /// Where its samples are, when they left the database.
    archived: Option<Whereabouts>,
    /// What cannot be shown because of the archive, and what helps; empty when all is well.
    missing: String,
    notice: Option<Notice>,
    now_us: i64,
}

/// Why nothing is told of the cycles.
enum CyclesWait {
    /// Their rows are being read.
    Soon,
    /// They could not be read, for this reason.
    Failed(String),
}

/// What was measured.
struct Measured {
    stream: StreamId,
    latest: Latest,
    svg: String,
    summary: String,
    drawn: String,
    table: Table,
    /// What the chart can show, for the script of the page.
    quantities: String,
}

/// A line of the facts about an electrolyte.
struct Side {
    name: &'static str,
    words: String,
}

impl Page {
    fn status(&self) -> Status {
        status(self.experiment.state)
    }

    fn deeds(&self) -> &'static [Deed] {
        Deed::of(self.experiment.state)
    }

    /// What became of the last order, while that is not to be seen in the state.
    fn order_words(&self) -> Option<String> {
        let order = self.order.as_ref().filter(|_| self.may_still_grow() && !self.experiment.state.is_waiting())?;
        let unit = self.experiment.unit.as_deref().unwrap_or("its unit");
        let verb = match order.verb.as_str() {
            "start" => "start",
            "stop" => "stop",
            "pause" => "pause",
            _ => "resume",
        };
        match order.state.as_str() {
            "queued" | "sent" | "accepted" => {
                let ago = duration_words(self.now_us.saturating_sub(order.created_at_us));
                Some(format!("{unit} was told to {verb} {ago} ago and has not answered yet."))
            }
            "rejected" => Some(format!("{unit} refused to {verb}: {}", order.reason)),
            "expired" if matches!(verb, "pause" | "resume") => {
                Some(format!("{unit} did not answer the order to {verb}."))
            }
            _ => None,
        }
    }

    fn moment(&self, at_us: &i64) -> Moment {
        Moment::with_seconds(*at_us, self.now_us)
    }

    fn technology(&self) -> String {
        let technology = self.experiment.technology.parse().map_or("", Technology::title);
        [technology, self.experiment.chemistry.as_str()]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn duration(&self) -> Option<String> {
        let end_us = self.experiment.finished_at_us.unwrap_or(self.now_us);
        Some(duration_words(end_us.saturating_sub(self.experiment.started_at_us?)))
    }

    fn sides(&self) -> Vec<Side> {
        let Some(both) = &self.experiment.electrolytes else { return Vec::new() };
        [("Negative electrolyte", &both.negative), ("Positive electrolyte", &both.positive)]
            .into_iter()
            .map(|(name, side)| Side { name, words: electrolyte_words(side) })
            .filter(|side| !side.words.is_empty())
            .collect()
    }

    /// The steps as sentences.
    fn steps(&self) -> Vec<String> {
        self.experiment.steps.iter().flat_map(|steps| &steps.steps).map(Step::words).collect()
    }

    /// The steps in a few words each, for the chart's ribbon.
    fn short_steps(&self) -> String {
        let steps = self.experiment.steps.iter().flat_map(|steps| &steps.steps);
        let names: Vec<String> = steps.zip(1..).map(|(step, number)| format!("{number} {}", step.short())).collect();
        names.join("|")
    }

    fn cycles(&self) -> u32 {
        self.experiment.steps.as_ref().map_or(1, |steps| steps.cycles)
    }

    fn may_still_grow(&self) -> bool {
        !self.experiment.state.is_over()
    }

    fn samples(&self) -> Option<String> {
        self.measured.as_ref().map(|measured| thousands(measured.latest.row_total))
    }

    /// Last values of the three quantities: name, value, unit.
    fn readings(&self) -> Vec<(&'static str, String, &'static str)> {
        let Some(measured) = &self.measured else { return Vec::new() };
        let values = measured.latest.values();
        [("Voltage", "voltage_v", "V"), ("Current", "current_a", "A"), ("Temperature", "temperature_c", "°C")]
            .into_iter()
            .filter_map(|(name, column, unit)| Some((name, value_text(column, (*values.get(column)?)?), unit)))
            .collect()
    }

    /// A change of state as a sentence.
    fn deed(&self, transition: &Transition) -> &'static str {
        match (transition.from, transition.to) {
            (Some(ExperimentState::Paused | ExperimentState::CommsLost), ExperimentState::Running) => "Went on",
            (_, ExperimentState::Running) => "Started",
            (_, to) => to.title(),
        }
    }
}

/// “All-vanadium, 250 mL, 20 to 60 mL/min, 50 % charged”.
fn electrolyte_words(side: &Electrolyte) -> String {
    let number = |litres: f64| {
        let text = format!("{:.3}", litres * 1e3);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let mut words = vec![side.composition.clone()];
    words.extend(side.volume_l.map(|volume| format!("{} mL", number(volume))));
    words.extend(match (side.flow_min_l_per_min, side.flow_max_l_per_min) {
        (Some(low), Some(high)) => Some(format!("{} to {} mL/min", number(low), number(high))),
        (Some(low), None) => Some(format!("at least {} mL/min", number(low))),
        (None, Some(high)) => Some(format!("at most {} mL/min", number(high))),
        (None, None) => None,
    });
    words.extend(side.soc_pct.map(|soc| format!("{} % charged", number(soc / 1e3))));
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

/// A count with thin spaces between thousands.
fn thousands(count: i64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// Answers with the page.
///
/// # Errors
/// 404 for an experiment that is not there.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?;
    let notice = match query.done.as_str() {
        "imported" => Some(Notice::done("The file is imported. Every row of it is stored.")),
        "cancelled" => {
            Some(Notice::done(format!("Experiment {} was cancelled. It will not run.", experiment.experiment)))
        }
        "back" => Some(Notice::done("The samples return to the database. That takes seconds to minutes.")),
        "stop" => Some(Notice::done("The stop is ordered. What the unit answers shows below.".to_owned())),
        "pause" => Some(Notice::done("The pause is ordered. It shows as paused when the unit says so.".to_owned())),
        "resume" => {
            Some(Notice::done("The unit is told to go on. It shows as running when the unit says so.".to_owned()))
        }
        _ => None,
    };
    let now_us = state.clock.now_us();
    let of_this =
        AlarmFilter { answered: Answered::All, experiment: Some(experiment.experiment), ..AlarmFilter::default() };
    let alarms = state.store.alarms(&of_this, EXPERIMENT_ROWS).await?;
    let facts = Facts::read(&state, &experiment).await?;
    let (measured, mut missing) = measured(&state, &experiment, &facts).await?;
    let rows = measured.as_ref().map_or(0, |measured| measured.latest.row_total);
    let found = match state.summaries.of(&state, &experiment, rows).await {
        _ if rows == 0 => Found::Nothing,
        Err(WebError::Archive(words)) => {
            missing = words;
            Found::Nothing
        }
        found => found?,
    };
    let (summary, cycles_wait) = match found {
        Found::Known(summary) => (Some(summary), None),
        Found::Nothing => (None, None),
        Found::Soon => (None, Some(CyclesWait::Soon)),
        Found::Failed(reason) => (None, Some(CyclesWait::Failed(reason))),
    };
    let cycles = summary.as_deref().map(|summary| Cycles::new(summary, experiment.experiment));
    let (numbers, rule) = summary.map_or_else(Default::default, |summary| {
        let end_us = experiment.finished_at_us.unwrap_or(summary.last_at_us);
        let begin_us = experiment.started_at_us.unwrap_or(summary.first_at_us);
        let duration = duration_words(end_us.saturating_sub(begin_us));
        (numbers(&summary, &duration), summary.rule.words().to_owned())
    });
    let page = Page {
        layout: Layout::new(&request, "experiments"),
        alarms: alarms.into_iter().map(|alarm| AlarmRow::new(alarm, now_us)).collect(),
        measured,
        numbers,
        rule,
        cycles,
        cycles_wait,
        facts,
        archived: Whereabouts::of(&state, &experiment).await?,
        missing,
        order: state.store.last_order(experiment.experiment).await?,
        happened: state.store.transitions(experiment.experiment).await?,
        experiment,
        notice,
        now_us,
    };
    answer::page(StatusCode::OK, &page)
}

/// What was measured, and what of it cannot be shown.
async fn measured(
    state: &State,
    experiment: &Experiment,
    facts: &Facts,
) -> Result<(Option<Measured>, String), WebError> {
    let nothing = (None, String::new());
    let Some(stream) = state.stream_of(experiment.experiment).await? else { return Ok(nothing) };
    let Some(latest) = state.store.latest(stream).await? else { return Ok(nothing) };
    let (from_us, to_us) = (latest.first_at_us, latest.at_us.max(latest.first_at_us));
    let (series, missing) = state.series_or_outline(stream, &CHART_COLUMNS, from_us, to_us, CHART_WIDTH).await?;
    let missing = missing.map(|cause| archive_words(&cause)).unwrap_or_default();
    let origin_us = experiment.started_at_us;
    let drawn = match series.bucket_us {
        None => "Every sample drawn".to_owned(),
        Some(bucket_us) => format!("Lowest and highest of every {} drawn", duration_words(bucket_us)),
    };
    let measured = Measured {
        stream,
        svg: chart::monitor(&series, (from_us, to_us), origin_us),
        summary: chart::summary(&series),
        table: Table::new(&series, origin_us),
        drawn,
        latest,
        quantities: Quantity::to_json(&facts.quantities),
    };
    Ok((Some(measured), missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_electrolyte_reads_in_the_units_of_the_bench() {
        let side = Electrolyte {
            composition: "All-vanadium".into(),
            volume_l: Some(0.25),
            flow_min_l_per_min: Some(0.02),
            flow_max_l_per_min: Some(0.06),
            soc_pct: Some(50.0),
        };
        assert_eq!(electrolyte_words(&side), "All-vanadium, 250 mL, 20 to 60 mL/min, 50 % charged");
        assert_eq!(electrolyte_words(&Electrolyte::default()), "");
        assert_eq!((thousands(3_188_450), thousands(12)), ("3\u{2009}188\u{2009}450".into(), "12".into()));
    }
}
