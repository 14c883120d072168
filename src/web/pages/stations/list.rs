//! `GET /stations`: every station with what it does.

use std::cmp::Ordering;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::status;
use super::words::both;
use crate::store::stations_read::{Station, StationFilter};
use crate::web::forms::line;
use crate::web::page::Layout;
use crate::web::pages::monitor::status::Status;
use crate::web::pages::units::Reach;
use crate::web::{State, WebError, answer};

/// Stations on a page.
const PAGE_STATIONS: usize = 50;

/// Columns that can be sorted by, with their headings.
const COLUMNS: [(&str, &str); 5] =
    [("name", "Station"), ("unit", "Unit"), ("state", "State"), ("experiment", "Works on"), ("queued", "Waiting")];
/// Which stations can be shown.
const SHOWN: [(&str, &str); 3] = [("", "Live"), ("retired", "Retired"), ("all", "All")];

/// What the address asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    show: String,
    sort: String,
    order: String,
    page: String,
}

impl Asked {
    /// The query of the same list with other values for some keys.
    fn query(&self, changes: &[(&str, &str)]) -> String {
        let own = [("text", &self.text), ("show", &self.show), ("sort", &self.sort), ("order", &self.order)];
        let value = |key: &str, own: &str| {
            changes
                .iter()
                .find(|(changed, _)| *changed == key)
                .map_or_else(|| own.to_owned(), |(_, to)| (*to).to_owned())
        };
        let mut pairs: Vec<(&str, String)> = own.iter().map(|(key, own)| (*key, value(key, own))).collect();
        pairs.push(("page", value("page", "")));
        pairs.retain(|(_, value)| !value.is_empty());
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        if query.is_empty() { "/stations".to_owned() } else { format!("/stations?{query}") }
    }
}

#[derive(Template)]
#[template(path = "stations/list.html")]
struct Page {
    layout: Layout,
    asked: Asked,
    rows: Vec<Row>,
    total: usize,
    page: usize,
}

/// A station as shown.
struct Row {
    station: Station,
    status: Status,
    reach: Option<Reach>,
    limits: String,
}

impl Page {
    fn sorted(&self, column: &str) -> &'static str {
        let sort = if self.asked.sort.is_empty() { "name" } else { &self.asked.sort };
        match (sort == column, self.asked.order.as_str()) {
            (false, _) => "none",
            (true, "desc") => "descending",
            (true, _) => "ascending",
        }
    }

    fn sort_link(&self, column: &str) -> String {
        let order = if self.sorted(column) == "ascending" { "desc" } else { "" };
        self.asked.query(&[("sort", if column == "name" { "" } else { column }), ("order", order)])
    }

    fn is_filtered(&self) -> bool {
        !self.asked.text.is_empty() || !self.asked.show.is_empty()
    }

    fn is_shown(&self, word: &str) -> bool {
        word == self.asked.show
    }

    fn is_number(&self, column: &str) -> bool {
        column == "queued"
    }

    fn earlier(&self) -> Option<usize> {
        (self.page > 1).then(|| self.page - 1)
    }

    fn later(&self) -> Option<usize> {
        (self.page < self.pages()).then(|| self.page + 1)
    }

    fn page_link(&self, page: &usize) -> String {
        let page = if *page <= 1 { String::new() } else { page.to_string() };
        self.asked.query(&[("page", &page)])
    }

    fn pages(&self) -> usize {
        self.total.div_ceil(PAGE_STATIONS).max(1)
    }
}

/// Answers with the list.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let now_us = state.clock.now_us();
    let asked = Asked { text: line(&asked.text), ..asked.into_inner() };
    let retired = match asked.show.as_str() {
        "retired" => Some(true),
        "all" => None,
        _ => Some(false),
    };
    let mut stations = state.store.stations(&StationFilter { retired, ..StationFilter::default() }).await?;
    stations.retain(|station| fits(station, &asked.text.to_lowercase()));
    stations.sort_by(|one, two| {
        let order = compare(one, two, &asked.sort, now_us);
        if asked.order == "desc" { order.reverse() } else { order }
    });
    let total = stations.len();
    let page = asked.page.parse::<usize>().unwrap_or(1).clamp(1, total.div_ceil(PAGE_STATIONS).max(1));
    let rows = stations.into_iter().skip((page - 1) * PAGE_STATIONS).take(PAGE_STATIONS);
    let rows = rows.map(|station| row(station, now_us)).collect();
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "stations"), asked, rows, total, page })
}

fn row(station: Station, now_us: i64) -> Row {
    let limits = station.limits();
    Row {
        status: status(&station, now_us),
        reach: station.unit.as_ref().map(|_| Reach::new(station.unit_seen_at_us, false, now_us)),
        limits: if station.is_virtual { "–".to_owned() } else { both(&limits) },
        station,
    }
}

/// Whether a station has the text in its name, its place, its unit or its experiment; in whatever case.
fn fits(station: &Station, text: &str) -> bool {
    let unit = station.unit.as_ref().map_or("", |unit| unit.as_str());
    let experiment = station.experiment.as_ref().map_or("", |(_, name)| name);
    [&station.name, &station.location, unit, experiment].iter().any(|own| own.to_lowercase().contains(text))
}

fn compare(one: &Station, two: &Station, sort: &str, now_us: i64) -> Ordering {
    let by = match sort {
        "unit" => one.unit.cmp(&two.unit),
        "state" => status(one, now_us).word.cmp(status(two, now_us).word),
        "experiment" => {
            let name = |station: &Station| station.experiment.as_ref().map(|(_, name)| name.to_lowercase());
            name(one).cmp(&name(two))
        }
        "queued" => one.queued.cmp(&two.queued),
        _ => Ordering::Equal,
    };
    by.then_with(|| natural(&one.name).cmp(&natural(&two.name))).then_with(|| one.station_id.cmp(&two.station_id))
}

/// A name in parts, so that A2 comes before A10.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let words = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let (text, numbers) = rest.split_at(words);
        let digits = numbers.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(numbers.len());
        let (number, after) = numbers.split_at(digits);
        parts.push((text.to_lowercase(), number.parse().unwrap_or(0)));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = ["A10", "a2", "B1", "A1", "Ä", ""];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["", "A1", "a2", "A10", "B1", "Ä"]);
    }

    #[test]
    fn the_address_keeps_the_filter() {
        let asked = Asked { text: "a&b".to_owned(), sort: "unit".to_owned(), ..Asked::default() };
        assert_eq!(asked.query(&[("order", "desc")]), "/stations?text=a%26b&sort=unit&order=desc");
        assert_eq!(Asked::default().query(&[("page", "")]), "/stations");
    }
}
