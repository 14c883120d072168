//! `GET /profiles`: the library.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};

use crate::store::profiles::{PROFILES_MAX, Profile};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Rows of a page.
const ROWS: usize = 50;
/// Columns that sort: word in the address, and title.
const COLUMNS: [(&str, &str); 4] =
    [("name", "Profile"), ("steps", "Steps"), ("cycles", "Times"), ("changed", "Changed")];

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Asked {
    /// Text to be found.
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    /// `retired` or `all`; otherwise those in use.
    #[serde(skip_serializing_if = "String::is_empty")]
    show: String,
    /// Column.
    #[serde(skip_serializing_if = "String::is_empty")]
    sort: String,
    /// `desc` turns it round.
    #[serde(skip_serializing_if = "String::is_empty")]
    order: String,
    /// Page, from 1.
    #[serde(skip_serializing_if = "String::is_empty")]
    page: String,
}

impl Asked {
    /// What a program asks: the same list in the words of the API.
    #[must_use]
    pub fn of_program(text: &str, retired: &str, sort: &str, order: &str) -> Self {
        let show = match retired {
            "true" => "retired",
            "all" => "all",
            _ => "",
        };
        let [text, show, sort, order] = [text, show, sort, order].map(str::to_owned);
        Self { text, show, sort, order, page: String::new() }
    }

    fn address(&self) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        if query.is_empty() { "/profiles".to_owned() } else { format!("/profiles?{query}") }
    }

    fn sort(&self) -> &str {
        COLUMNS.iter().map(|(word, _)| *word).find(|word| *word == self.sort).unwrap_or("name")
    }

    fn is_descending(&self) -> bool {
        self.order == "desc"
    }

    fn page(&self) -> usize {
        self.page.parse().unwrap_or(1).max(1)
    }

    fn is_filtered(&self) -> bool {
        !self.text.trim().is_empty() || !self.show.is_empty()
    }

    /// Those asked for, sorted.
    #[must_use]
    pub fn select(&self, mut profiles: Vec<Profile>) -> Vec<Profile> {
        let text = self.text.trim().to_lowercase();
        profiles.retain(|profile| {
            let fits = match self.show.as_str() {
                "all" => true,
                "retired" => profile.retired_at_us.is_some(),
                _ => profile.retired_at_us.is_none(),
            };
            fits && (profile.name.to_lowercase().contains(&text) || profile.description.to_lowercase().contains(&text))
        });
        profiles.sort_by_cached_key(|profile| profile.name.to_lowercase());
        match self.sort() {
            "steps" => profiles.sort_by_key(|profile| profile.program.steps.len()),
            "cycles" => profiles.sort_by_key(|profile| profile.program.cycles),
            "changed" => profiles.sort_by_key(|profile| profile.updated_at_us),
            _ => {}
        }
        if self.is_descending() {
            profiles.reverse();
        }
        profiles
    }
}

/// Head of a column that sorts.
struct Column {
    title: &'static str,
    address: String,
    /// `ascending`, `descending`, or empty.
    sorted: &'static str,
}

#[derive(Template)]
#[template(path = "profiles/list.html")]
struct Page {
    layout: Layout,
    asked: Asked,
    profiles: Vec<Profile>,
    total: usize,
    has_any: bool,
    is_cut: bool,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn count_words(&self) -> String {
        match (self.total, self.asked.is_filtered()) {
            (count, true) => format!("{count} found"),
            (count, false) => format!("{count} in use"),
        }
    }

    fn columns(&self) -> Vec<Column> {
        let column = |(word, title): &(&'static str, &'static str)| {
            let is_this = self.asked.sort() == *word;
            let order = if is_this && !self.asked.is_descending() { "desc" } else { "" };
            let asked =
                Asked { sort: (*word).to_owned(), order: order.to_owned(), page: String::new(), ..self.asked.clone() };
            let sorted = match (is_this, self.asked.is_descending()) {
                (false, _) => "",
                (true, false) => "ascending",
                (true, true) => "descending",
            };
            Column { title, address: asked.address(), sorted }
        };
        COLUMNS.iter().map(column).collect()
    }

    fn page_address(&self, page: usize) -> String {
        Asked { page: page.to_string(), ..self.asked.clone() }.address()
    }

    fn previous(&self) -> Option<String> {
        (self.asked.page() > 1).then(|| self.page_address(self.asked.page() - 1))
    }

    fn next(&self) -> Option<String> {
        (self.asked.page() * ROWS < self.total).then(|| self.page_address(self.asked.page() + 1))
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
    let asked = asked.into_inner();
    let all = state.store.profiles().await?;
    let (has_any, is_cut) = (!all.is_empty(), i64::try_from(all.len()).unwrap_or(i64::MAX) >= PROFILES_MAX);
    let selected = asked.select(all);
    let total = selected.len();
    let skipped = (asked.page() - 1).saturating_mul(ROWS);
    let profiles = selected.into_iter().skip(skipped).take(ROWS).collect();
    let layout = Layout::new(&request, "profiles");
    let page = Page { layout, asked, profiles, total, has_any, is_cut, now_us: state.clock.now_us() };
    answer::page(StatusCode::OK, &page)
}
