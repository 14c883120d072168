//! `/`: every station and probe at a glance, one of them in full.

pub mod line;
pub mod numbers;
pub mod quantities;
pub mod spark;
pub mod status;
mod strip;
pub mod table;
pub mod window;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use serde::Deserialize;

use crate::report::chart;
use crate::series::window::Series;
use crate::store::StoreError;
use crate::web::answer::Notice;
use crate::web::live::Board;
use crate::web::page::Layout;
use crate::web::pages::experiments::order::Deed;
use crate::web::pages::wall::Forecasts;
use crate::web::{State, WebError};

use line::Line;
use spark::{Spark, Sparks};
use status::Group;
use table::Table;
use window::Window;

/// Columns of the chart.
const CHART_COLUMNS: [&str; 3] = ["voltage_v", "current_a", "temperature_c"];
/// Pixels of the chart drawn on the server.
const CHART_WIDTH: usize = 700;

/// The address of the page.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Query {
    /// Chosen station.
    pub station: Option<i64>,
    /// Chosen probe, by its device id.
    pub probe: Option<String>,
    /// Word of the window.
    pub window: Option<String>,
    /// The experiment that was just queued.
    pub queued: Option<i64>,
    /// Columns that are drawn live, separated by commas.
    pub columns: Option<String>,
    /// How often values are wanted, s; as they come when absent.
    pub every: Option<u32>,
}

impl Query {
    /// The key of the line chosen in the address, if any.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        match (self.station, &self.probe) {
            (Some(id), _) => Some(format!("station={id}")),
            (None, Some(device)) => Some(format!("probe={device}")),
            (None, None) => None,
        }
    }
}

/// The list of all stations and probes.
#[derive(Template)]
#[template(path = "monitor/list.html")]
pub struct List<'a> {
    /// Every line.
    pub lines: &'a [Line],
    /// Key of the chosen line.
    pub chosen: &'a str,
    /// Word of the window, kept in the links.
    pub window: &'static str,
    /// Sparklines by stream.
    pub sparks: &'a Sparks,
    /// Now on the server, µs UTC.
    pub now_us: i64,
}

// Rendered by askama, so escaped already: pages may put them in as they are.
impl HtmlSafe for List<'_> {}
impl HtmlSafe for Head<'_> {}

impl List<'_> {
    /// Whether the page shows this line in full.
    #[must_use]
    pub fn is_chosen(&self, line: &Line) -> bool {
        line.key == self.chosen
    }

    /// The sparkline of a line, if it has samples.
    #[must_use]
    pub fn spark(&self, line: &Line) -> Option<&Spark> {
        self.sparks.get(&line.stream?)
    }

    /// How long ago a moment was, in words.
    #[must_use]
    pub fn ago(&self, at_us: &i64) -> String {
        numbers::duration_words(self.now_us - at_us)
    }

    /// The groups that have lines, with them.
    #[must_use]
    pub fn groups(&self) -> Vec<(Group, Vec<&Line>)> {
        let of = |group| self.lines.iter().filter(|line| line.group == group).collect::<Vec<_>>();
        Group::ALL.into_iter().map(|group| (group, of(group))).filter(|(_, lines)| !lines.is_empty()).collect()
    }
}

/// The head of the chosen line: what it is, is it well, what it does, its values.
#[derive(Template)]
#[template(path = "monitor/head.html")]
pub struct Head<'a> {
    /// The chosen line.
    pub line: &'a Line,
    /// Now on the server, µs UTC.
    pub now_us: i64,
}

impl Head<'_> {
    /// How long ago a moment was, in words.
    #[must_use]
    pub fn ago(&self, at_us: &i64) -> String {
        numbers::duration_words(self.now_us - at_us)
    }

    /// How old the latest values are, in words.
    #[must_use]
    pub fn age(&self) -> Option<String> {
        self.line.at_us.map(|at_us| numbers::duration_words(self.now_us - at_us))
    }
}

#[derive(Template)]
#[template(path = "monitor/page.html")]
struct Page {
    layout: Layout,
    lines: Vec<Line>,
    chosen: Option<Chosen>,
    window: Window,
    sparks: Arc<Sparks>,
    notice: Option<Notice>,
    now_us: i64,
}

struct Chosen {
    index: usize,
    svg: String,
    summary: String,
    drawn: String,
    table: Table,
}

impl Page {
    fn chosen_line(&self) -> Option<&Line> {
        self.chosen.as_ref().and_then(|chosen| self.lines.get(chosen.index))
    }

    fn list(&self) -> List<'_> {
        let chosen = self.chosen_line().map_or("", |line| line.key.as_str());
        List { lines: &self.lines, chosen, window: self.window.word(), sparks: &self.sparks, now_us: self.now_us }
    }

    /// What can be ordered of the run of a line.
    fn deeds(&self, line: &Line) -> &'static [Deed] {
        line.run_state.map_or(&[], Deed::of)
    }

    fn head<'a>(&'a self, line: &'a Line) -> Head<'a> {
        Head { line, now_us: self.now_us }
    }

    fn count(&self, group: Group) -> usize {
        self.lines.iter().filter(|line| line.group == group).count()
    }

    fn counts(&self) -> Vec<(Group, usize)> {
        let counts = Group::ALL.into_iter().map(|group| (group, self.count(group)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    fn count_words(&self) -> String {
        let probes = self.count(Group::Probes);
        let stations = self.lines.len() - probes;
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        match probes {
            0 => format!("{stations} station{}", plural(stations)),
            _ => format!("{stations} station{}, {probes} probe{}", plural(stations), plural(probes)),
        }
    }
}

/// `GET /`.
///
/// # Errors
/// 404 for a station or probe that is not there; store errors.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    board: web::Data<Board>,
    query: web::Query<Query>,
) -> Result<HttpResponse, WebError> {
    let now_us = state.clock.now_us();
    let lines = read_lines(&state, board.forecasts(), now_us).await.map_err(WebError::internal)?;
    let window = match query.window.as_deref() {
        None => Window::default(),
        Some(word) => Window::from_word(word).ok_or(WebError::Invalid {
            target: "window",
            message: format!("“{word}” is not one of 30s, 1m, 5m, 15m, 60m, 4h, 24h and all"),
        })?,
    };
    let index = match query.key() {
        Some(key) => {
            Some(lines.iter().position(|line| line.key == key).ok_or(WebError::NotFound("such station or probe"))?)
        }
        None => first_choice(&lines),
    };
    let chosen = match index {
        Some(index) => Some(choose(&state, &lines, index, window, now_us).await?),
        None => None,
    };
    let sparks = board.sparks(&state, &lines).await;
    let notice = query.queued.map(|experiment| {
        Notice::done(format!(
            "Experiment {experiment} is queued. Its station begins when it is free; what it does shows here."
        ))
    });
    let page = Page { layout: Layout::new(&request, "monitor"), lines, chosen, window, sparks, notice, now_us };
    let html = page.render().map_err(WebError::internal)?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html))
}

/// Every station and probe as it is at `now_us`, in the order of the page.
///
/// # Errors
/// When the database fails.
pub async fn read_lines(state: &State, forecasts: &Forecasts, now_us: i64) -> Result<Vec<Line>, StoreError> {
    let stations = state.store.station_lines().await?.into_iter().map(|station| Line::station(station, now_us));
    let probes = state.store.probe_lines().await?.into_iter().map(|probe| Line::probe(probe, now_us));
    let mut lines: Vec<Line> = stations.chain(probes).collect();
    // Stable: within a group the order of the store stays.
    lines.sort_by_key(|line| line.group);
    for line in lines.iter_mut().filter(|line| line.is_station()) {
        line.standing = forecasts.standing(state, line, now_us).await;
    }
    Ok(lines)
}

/// What a visitor sees who chose nothing: the first line with values, trouble first.
fn first_choice(lines: &[Line]) -> Option<usize> {
    lines.iter().position(|line| line.stream.is_some()).or(if lines.is_empty() { None } else { Some(0) })
}

async fn choose(state: &State, lines: &[Line], index: usize, window: Window, now_us: i64) -> Result<Chosen, WebError> {
    let line = &lines[index];
    let mut series = Series { columns: vec![Vec::new(); CHART_COLUMNS.len()], ..Series::default() };
    let mut range = (now_us - window.length_us().unwrap_or(0), now_us);
    if let Some(stream) = line.stream {
        if window == Window::All
            && let Some((first_us, _)) = state.bounds(stream).await.map_err(WebError::internal)?
        {
            range.0 = first_us;
        }
        let points = state.series(stream, &CHART_COLUMNS, range.0, range.1, CHART_WIDTH);
        series = points.await.map_err(WebError::internal)?;
    }
    let origin_us = line.started_us;
    Ok(Chosen {
        index,
        svg: chart::monitor(&series, range, origin_us),
        summary: chart::summary(&series),
        drawn: drawn(&series),
        table: Table::new(&series, origin_us),
    })
}

/// What the chart draws, in words.
fn drawn(series: &Series) -> String {
    match series.bucket_us {
        None => "Every sample drawn".to_owned(),
        Some(bucket_us) => format!("Lowest and highest of every {} drawn", numbers::duration_words(bucket_us)),
    }
}
