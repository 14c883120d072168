//! `GET /wall`: every station as a tile, trouble first, for a screen that is read from across the room.

mod forecasts;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;

pub use forecasts::Forecasts;

use super::monitor::line::Line;
use super::monitor::numbers::duration_words;
use super::monitor::read_lines;
use super::monitor::status::Group;
use crate::analysis::forecast::Standing;
use crate::web::live::Board;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// A station as a tile.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// What the monitor shows of it.
    pub line: Line,
    /// How far it is; `None` when nothing runs, or nobody can tell.
    pub progress: Option<Progress>,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Per cent done, whole.
    pub pct: u8,
    /// When it will be done; not told of a run that stands still.
    pub finish: Option<Moment>,
    /// How long that is from now, in words.
    pub left: String,
}

impl Progress {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1; times are clamped")]
    fn new(standing: Standing, is_running: bool, now_us: i64) -> Self {
        /// Nobody plans further than ten years.
        const LEFT_MAX_S: f64 = 10.0 * 366.0 * 86_400.0;
        let left_us = (standing.left_s.clamp(0.0, LEFT_MAX_S) * 1e6) as i64;
        Self {
            // Never called done before it is.
            pct: (standing.share * 100.0).clamp(0.0, 99.0) as u8,
            finish: is_running.then(|| Moment::new(now_us + left_us, now_us)),
            left: duration_words(left_us),
        }
    }
}

impl Tile {
    /// What it does, in a word or three, beside its state.
    #[must_use]
    pub fn deed(&self) -> Option<&'static str> {
        self.line.deed_now()
    }

    /// Where in the profile it is: “step 3 of 5, cycle 2 of 10”.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let step = self.line.step()?;
        let cycle = match (self.line.cycle, self.line.cycles()) {
            (Some(cycle), Some(cycles)) => format!(", cycle {cycle} of {cycles}"),
            _ => String::new(),
        };
        Some(format!("step {step} of {}{cycle}", self.line.step_count()))
    }
}

/// All tiles.
#[derive(Template)]
#[template(path = "wall/tiles.html")]
pub struct Tiles<'a> {
    /// In the order of the page.
    pub tiles: &'a [Tile],
    /// Now on the server, µs UTC.
    pub now_us: i64,
}

// Rendered by askama, so escaped already: pages may put it in as it is.
impl HtmlSafe for Tiles<'_> {}

impl Tiles<'_> {
    /// How long ago a moment was, in words.
    #[must_use]
    pub fn ago(&self, at_us: &i64) -> String {
        duration_words(self.now_us - at_us)
    }
}

#[derive(Template)]
#[template(path = "wall/page.html")]
struct Page {
    layout: Layout,
    tiles: Vec<Tile>,
    now_us: i64,
}

impl Page {
    fn tiles(&self) -> Tiles<'_> {
        Tiles { tiles: &self.tiles, now_us: self.now_us }
    }

    fn count(&self, group: Group) -> usize {
        self.tiles.iter().filter(|tile| tile.line.group == group).count()
    }
}

/// The tiles of the stations among these lines.
#[must_use]
pub fn tiles(lines: &[Line], now_us: i64) -> Vec<Tile> {
    let of = |line: &Line| {
        let is_running = line.group == Group::Running;
        let progress = line.standing.map(|standing| Progress::new(standing, is_running, now_us));
        Tile { line: line.clone(), progress }
    };
    lines.iter().filter(|line| line.is_station()).map(of).collect()
}

/// Answers with the wall.
///
/// # Errors
/// When the database fails.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    board: web::Data<Board>,
) -> Result<HttpResponse, WebError> {
    let now_us = state.clock.now_us();
    let lines = read_lines(&state, board.forecasts(), now_us).await?;
    let tiles = tiles(&lines, now_us);
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "monitor"), tiles, now_us })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_not_called_done_before_it_is_and_one_that_stands_still_has_no_end() {
        let progress =
            Progress::new(Standing { share: 0.9999, left_s: 1.0, step_left_s: 1.0 }, true, 1_795_240_800_000_000);
        assert_eq!(progress.pct, 99);
        assert!(progress.finish.is_some());
        assert!(
            Progress::new(Standing { share: 0.5, left_s: f64::INFINITY, step_left_s: 0.0 }, false, 0).finish.is_none()
        );
    }
}
