//! `GET /experiments`: the list, narrowed, sorted and paged by what the address says.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::asked::{Asked, PER_PAGE, path_of};
use super::status;
use crate::domain::experiment::ExperimentState;
use crate::store::experiment_index::{Answer, Facet, FacetAnswer, FacetValue, Row, Sort};
use crate::store::saved_views::SavedView;
use crate::web::answer::Notice;
use crate::web::forms::Problems;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::pages::monitor::numbers::duration_words;
use crate::web::pages::monitor::status::Status;
use crate::web::visitor::Principal;
use crate::web::{State, Visitor, WebError, answer};

/// Facets with more values than this have a box to find one in.
const FIND_MIN: usize = 8;

#[derive(Template)]
#[template(path = "experiments/list.html")]
pub(super) struct Page {
    layout: Layout,
    asked: Asked,
    answer: Answer,
    views: Vec<SavedView>,
    /// Whether they have an account to keep views with.
    keeps_views: bool,
    /// A name typed for a view that could not be saved.
    view_name: String,
    problems: Problems,
    notice: Option<Notice>,
    now_us: i64,
}

/// A column that can be sorted by.
struct Column {
    sort: Sort,
    title: &'static str,
}

const COLUMNS: [Column; 8] = [
    Column { sort: Sort::Number, title: "No." },
    Column { sort: Sort::Name, title: "Name and description" },
    Column { sort: Sort::Battery, title: "Battery" },
    Column { sort: Sort::Station, title: "Station" },
    Column { sort: Sort::Profile, title: "Profile" },
    Column { sort: Sort::Started, title: "Started" },
    Column { sort: Sort::Duration, title: "Duration" },
    Column { sort: Sort::Status, title: "Status" },
];

/// A list everybody has.
struct Tab {
    title: String,
    path: String,
    count: Option<usize>,
    is_present: bool,
}

impl Page {
    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn aria_sort(&self, column: &Column) -> Option<&'static str> {
        (self.asked.sort == column.sort).then_some(if self.asked.ascending { "ascending" } else { "descending" })
    }

    fn tabs(&self) -> Vec<Tab> {
        let present = self.asked.view();
        let states = |states: &[ExperimentState]| {
            let words = states.iter().map(|state| ("status", state.as_str()));
            serde_urlencoded::to_string(words.collect::<Vec<_>>()).unwrap_or_default()
        };
        use ExperimentState::{Aborted, CommsLost, Fault, Paused, Queued, Running, Starting, Stopped};
        let running = [CommsLost, Paused, Running, Starting];
        let ended = [Aborted, Fault, Stopped];
        let count = |states: &[ExperimentState]| Some(states.iter().map(|state| self.answer.in_state(*state)).sum());
        let own = [
            ("All".to_owned(), String::new(), Some(self.answer.all)),
            ("Running now".to_owned(), states(&running), count(&running)),
            ("Queue".to_owned(), states(&[Queued]), count(&[Queued])),
            ("Ended early".to_owned(), states(&ended), count(&ended)),
        ];
        let saved = self.views.iter().map(|view| (view.name.clone(), view.query.clone(), None));
        let tab = |(title, query, count): (String, String, Option<usize>)| Tab {
            is_present: Asked::of(&query).view() == present,
            path: path_of(&query),
            title,
            count,
        };
        own.into_iter().chain(saved).map(tab).collect()
    }

    /// Whether the present list is one of the tabs.
    fn is_saved(&self) -> bool {
        self.tabs().iter().any(|tab| tab.is_present)
    }

    fn facets(&self) -> Vec<FacetChip<'_>> {
        let chip = |facet: Facet| FacetChip {
            facet,
            answer: &self.answer.facets[facet as usize],
            find: &self.asked.find[facet as usize],
        };
        // A filter with nothing in it is no filter.
        Facet::ALL
            .into_iter()
            .map(chip)
            .filter(|chip| !chip.answer.values.is_empty() || !chip.find.is_empty())
            .collect()
    }

    /// The days in one line, when any is set.
    fn days(&self) -> Option<String> {
        match (self.asked.since.as_str(), self.asked.until.as_str()) {
            ("", "") => None,
            (since, "") => Some(format!("since {since}")),
            ("", until) => Some(format!("until {until}")),
            (since, until) => Some(format!("{since} to {until}")),
        }
    }

    fn status(&self, row: &Row) -> Status {
        status(row.state)
    }

    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn duration(&self, row: &Row) -> Option<String> {
        let end_us = row.finished_at_us.unwrap_or(self.now_us);
        Some(duration_words(end_us.saturating_sub(row.started_at_us?)))
    }

    /// First and last place of the page.
    fn places(&self) -> (usize, usize) {
        let first = (self.answer.page - 1) * self.asked.per_page;
        (first + 1, first + self.answer.rows.len())
    }

    fn per_page_choices(&self) -> &'static [usize] {
        &PER_PAGE
    }

    fn sort_choices(&self) -> &'static [Column] {
        &COLUMNS
    }

    /// Pages to offer: the first, the last and those around the present one; 0 stands for a gap.
    fn page_numbers(&self) -> Vec<usize> {
        let (page, pages) = (self.answer.page, self.answer.pages);
        let mut numbers = vec![1];
        for number in page.saturating_sub(1).max(2)..=(page + 1).min(pages.saturating_sub(1)) {
            if numbers.last().is_some_and(|last| last + 1 < number) {
                numbers.push(0);
            }
            numbers.push(number);
        }
        if numbers.last().is_some_and(|last| last + 1 < pages) {
            numbers.push(0);
        }
        if pages > 1 {
            numbers.push(pages);
        }
        numbers
    }
}

/// A filter of the bar.
struct FacetChip<'a> {
    facet: Facet,
    answer: &'a FacetAnswer,
    find: &'a str,
}

impl FacetChip<'_> {
    fn name(&self) -> &'static str {
        self.facet.as_str()
    }

    fn title(&self) -> &'static str {
        match self.facet {
            Facet::Technology => "Technology",
            Facet::Battery => "Battery",
            Facet::Station => "Station",
            Facet::Profile => "Profile",
            Facet::Status => "Status",
            Facet::Tag => "Tag",
        }
    }

    fn picked(&self) -> Vec<&FacetValue> {
        self.answer.values.iter().filter(|value| value.picked).collect()
    }

    /// “Technology: Lithium”, “Battery: 3 picked”, or the title alone.
    fn words(&self) -> String {
        match self.picked().as_slice() {
            [] => self.title().to_owned(),
            [one] => format!("{}: {}", self.title(), one.name),
            several => format!("{}: {} picked", self.title(), several.len()),
        }
    }

    fn has_find(&self) -> bool {
        self.answer.more > 0 || !self.find.is_empty() || self.answer.values.len() > FIND_MIN
    }
}

/// Answers with the list.
///
/// # Errors
/// When the database fails.
pub async fn page(request: HttpRequest, state: web::Data<State>, visitor: Visitor) -> Result<HttpResponse, WebError> {
    let asked = Asked::of(request.query_string());
    let notice = done(&asked.done);
    render(&request, &state, &visitor, asked, Refused { notice, ..Refused::default() }).await
}

/// What else stands on the page.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) problems: Problems,
    pub(super) view_name: String,
    pub(super) notice: Option<Notice>,
}

/// The list with what could not be done.
pub(super) async fn render(
    request: &HttpRequest,
    state: &State,
    visitor: &Visitor,
    asked: Asked,
    refused: Refused,
) -> Result<HttpResponse, WebError> {
    let (ask, mut problems) = asked.ask();
    for problem in refused.problems.all() {
        problems.add(problem.field.clone(), problem.message.clone());
    }
    let now_us = state.clock.now_us();
    let answer = state.experiments.answer(&state.store, ask, now_us).await?;
    let views = match &visitor.principal {
        Principal::User(user) => state.store.saved_views(user.user).await?,
        _ => Vec::new(),
    };
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        layout: Layout::new(request, "experiments"),
        asked,
        answer,
        views,
        keeps_views: matches!(visitor.principal, Principal::User(_)),
        view_name: refused.view_name,
        problems,
        notice: refused.notice,
        now_us,
    };
    answer::page(status, &page)
}

fn done(word: &str) -> Option<Notice> {
    Some(Notice::done(match word {
        "saved" => "The view was saved. It stands with the tabs.",
        _ => return None,
    }))
}
