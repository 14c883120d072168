//! `GET /batteries`: what the laboratory has, searched, filtered and sorted by the address.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::words::{amperes, volts};
use crate::domain::battery::{Kind, Technology};
use crate::domain::number::plain;
use crate::store::batteries::{Battery, BatteryQuery, BatterySort};
use crate::web::forms::line;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Batteries on a page.
const PAGE_BATTERIES: i64 = 50;
/// Last page that can be asked for: far beyond what a laboratory has.
const PAGE_MAX: i64 = 10_000;
/// Longest text to look for, in characters.
const TEXT_MAX: usize = 100;

/// What the address asks for; words nobody knows ask for nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    technology: String,
    kind: String,
    /// Empty for those in use, `retired`, or `all`.
    show: String,
    sort: String,
    order: String,
    page: String,
}

impl Asked {
    fn query(&self) -> BatteryQuery {
        BatteryQuery {
            text: self.text.clone(),
            technology: self.technology.parse().ok(),
            kind: self.kind.parse().ok(),
            retired: match self.show.as_str() {
                "all" => None,
                "retired" => Some(true),
                _ => Some(false),
            },
            sort: BatterySort::from_word(&self.sort).unwrap_or_default(),
            descending: self.order == "desc",
            offset: (self.page() - 1) * PAGE_BATTERIES,
            limit: PAGE_BATTERIES,
        }
    }

    fn page(&self) -> i64 {
        self.page.parse().unwrap_or(1).clamp(1, PAGE_MAX)
    }

    fn is_filtered(&self) -> bool {
        [&self.text, &self.technology, &self.kind, &self.show].iter().any(|word| !word.is_empty())
    }

    /// The address with some parts replaced; the first page unless one is named.
    fn with(&self, changes: &[(&str, &str)]) -> String {
        let own = [
            ("text", self.text.as_str()),
            ("technology", &self.technology),
            ("kind", &self.kind),
            ("show", &self.show),
            ("sort", &self.sort),
            ("order", &self.order),
            ("page", ""),
        ];
        let value = |name: &str, own: &str| {
            changes.iter().find(|(changed, _)| *changed == name).map_or(own, |(_, value)| value).to_owned()
        };
        let pairs: Vec<_> = own.iter().map(|(name, own)| (*name, value(name, own))).collect();
        let query: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let query = serde_urlencoded::to_string(query).unwrap_or_default();
        if query.is_empty() { "/batteries".to_owned() } else { format!("/batteries?{query}") }
    }
}

#[derive(Template)]
#[template(path = "batteries/list.html")]
struct Page {
    layout: Layout,
    asked: Asked,
    query: BatteryQuery,
    batteries: Vec<Battery>,
    total: i64,
}

/// A column that sorts.
struct Column {
    title: &'static str,
    is_number: bool,
    /// `ascending`, `descending`, or empty.
    sorted: &'static str,
    /// The address sorted by it, or the other way round.
    address: String,
}

impl Page {
    fn columns(&self) -> Vec<Column> {
        let columns = [
            ("Battery", BatterySort::Name, false),
            ("Chemistry", BatterySort::Chemistry, false),
            ("Capacity, Ah", BatterySort::Capacity, true),
            ("Voltage, V", BatterySort::Voltage, true),
            ("Current, A", BatterySort::Current, true),
            ("Kept at", BatterySort::Location, false),
        ];
        let column = |(title, sort, is_number): (&'static str, BatterySort, bool)| {
            let is_sorted = self.query.sort == sort;
            let sorted = match (is_sorted, self.query.descending) {
                (false, _) => "",
                (true, false) => "ascending",
                (true, true) => "descending",
            };
            let order = if is_sorted && !self.query.descending { "desc" } else { "" };
            let address = self.asked.with(&[("sort", sort.as_str()), ("order", order)]);
            Column { title, is_number, sorted, address }
        };
        columns.into_iter().map(column).collect()
    }

    fn technologies(&self) -> &'static [Technology] {
        Technology::ALL
    }

    fn kinds(&self) -> &'static [Kind] {
        Kind::ALL
    }

    fn is_technology(&self, technology: &Technology) -> bool {
        self.query.technology == Some(*technology)
    }

    fn is_kind(&self, kind: &Kind) -> bool {
        self.query.kind == Some(*kind)
    }

    fn sorts(&self) -> [(BatterySort, &'static str); 8] {
        let title = |sort| match sort {
            BatterySort::Name => "Name",
            BatterySort::Chemistry => "Chemistry",
            BatterySort::Capacity => "Capacity",
            BatterySort::Voltage => "Voltage",
            BatterySort::Current => "Current",
            BatterySort::Maker => "Maker",
            BatterySort::Location => "Place",
            BatterySort::Added => "When added",
        };
        BatterySort::ALL.map(|sort| (sort, title(sort)))
    }

    /// `Batteries 51 to 100 of 312`.
    fn extent(&self) -> String {
        let shown = i64::try_from(self.batteries.len()).unwrap_or(i64::MAX);
        match (self.total, shown) {
            (1, 1) => "1 battery".to_owned(),
            (total, shown) if total == shown => format!("{total} batteries"),
            (total, shown) => {
                format!("Batteries {} to {} of {total}", self.query.offset + 1, self.query.offset + shown)
            }
        }
    }

    fn previous(&self) -> Option<String> {
        let page = self.asked.page();
        (page > 1).then(|| self.asked.with(&[("page", &(page - 1).to_string())]))
    }

    fn next(&self) -> Option<String> {
        let has_more = self.query.offset + PAGE_BATTERIES < self.total;
        has_more.then(|| self.asked.with(&[("page", &(self.asked.page() + 1).to_string())]))
    }

    fn capacity(&self, battery: &Battery) -> String {
        plain(battery.capacity_ah)
    }

    fn voltages(&self, battery: &Battery) -> String {
        format!("{} to {}", volts(battery.voltage_min_v), volts(battery.voltage_max_v))
    }

    fn currents(&self, battery: &Battery) -> String {
        format!("{} to {}", amperes(battery.current_min_a), amperes(battery.current_max_a))
    }

    fn small(&self, battery: &Battery) -> String {
        let parts = [&battery.manufacturer, &battery.model, &battery.serial];
        parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ")
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
    let mut asked = asked.into_inner();
    asked.text = line(&asked.text).chars().take(TEXT_MAX).collect();
    let query = asked.query();
    let found = state.store.batteries(&query).await?;
    let layout = Layout::new(&request, "batteries");
    answer::page(StatusCode::OK, &Page { layout, asked, query, batteries: found.batteries, total: found.total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_keeps_what_is_asked_for() {
        let asked = Asked {
            text: "a&b".to_owned(),
            technology: "lithium".to_owned(),
            page: "3".to_owned(),
            ..Asked::default()
        };
        assert_eq!(asked.with(&[("sort", "name")]), "/batteries?text=a%26b&technology=lithium&sort=name");
        assert_eq!(asked.with(&[("page", "4")]), "/batteries?text=a%26b&technology=lithium&page=4");
        assert_eq!(Asked::default().with(&[]), "/batteries");
        assert_eq!((asked.query().offset, asked.query().technology), (100, Some(Technology::Lithium)));
    }

    #[test]
    fn nonsense_in_the_address_asks_for_nothing() {
        let asked = Asked {
            technology: "x".to_owned(),
            sort: "password".to_owned(),
            order: "x".to_owned(),
            page: "-7".to_owned(),
            ..Asked::default()
        };
        let plain = BatteryQuery { retired: Some(false), limit: PAGE_BATTERIES, ..BatteryQuery::default() };
        assert_eq!(asked.query(), plain);
        assert_eq!(Asked { page: i64::MAX.to_string(), ..asked }.page(), PAGE_MAX);
    }
}
