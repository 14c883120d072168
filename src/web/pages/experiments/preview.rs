//! `GET /experiments/{id}/preview.svg`: the voltage of a whole experiment, small.

use std::fmt::Write as _;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::sync::Semaphore;

use super::find;
use crate::series::window::Series;
use crate::web::page::{Layout, Theme};
use crate::web::pages::monitor::numbers::duration_words;
use crate::web::pages::monitor::numbers::value_text;
use crate::web::{State, WebError};

/// Size of the drawing, pixels.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 132.0;
/// Room for the words above and below the line.
const MARGIN: f64 = 22.0;
/// Pixels the series is reduced to.
const POINTS: usize = 200;
/// Previews drawn at the same time: a pointer that runs down the list asks for many, and long experiments are read whole.
const AT_ONCE_MAX: usize = 2;
/// How long a browser keeps the picture of what still runs, and of what is over, s.
const KEPT_OPEN_S: u32 = 60;
const KEPT_OVER_S: u32 = 86_400;

static AT_ONCE: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

/// Answers with the drawing. It has its own ground: a picture does not know the colours of the page around it.
///
/// # Errors
/// 404 for an experiment that is not there.
pub async fn svg(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?;
    let mut series = Series::default();
    if let Some(stream) = state.stream_of(experiment.experiment).await?
        && let Some((from_us, to_us)) = state.bounds(stream).await?
    {
        let _turn = AT_ONCE.acquire().await.map_err(WebError::internal)?;
        series = state.series(stream, &["voltage_v"], from_us, to_us, POINTS).await?;
    }
    let is_dark = Layout::new(&request, "").theme == Theme::Dark;
    let kept_s = if experiment.state.is_over() { KEPT_OVER_S } else { KEPT_OPEN_S };
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((header::CACHE_CONTROL, format!("private, max-age={kept_s}")))
        .insert_header((header::VARY, "cookie"))
        .body(draw(&series, is_dark)))
}

fn draw(series: &Series, is_dark: bool) -> String {
    let (ground, text, line) =
        if is_dark { ("#151b23", "#a1adba", "#56b4e9") } else { ("#ffffff", "#536070", "#0072b2") };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"{text}\"><rect width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         fill=\"{ground}\"/>"
    );
    let words = |svg: &mut String, y: f64, anchor: &str, x: f64, words: &str| {
        // Writing to a string cannot fail.
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>");
    };
    let values = series.columns.first().map(Vec::as_slice).unwrap_or_default();
    let measured = || values.iter().flatten().copied().filter(|value| value.is_finite());
    let (low, high) =
        measured().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let span_us = series.times_us.last().zip(series.times_us.first()).map_or(0, |(last, first)| last - first);
    if low > high {
        words(&mut svg, HEIGHT / 2.0, "middle", WIDTH / 2.0, "No data yet");
        svg.push_str("</svg>");
        return svg;
    }
    words(&mut svg, 15.0, "start", 8.0, &format!("{} V", value_text("voltage_v", high)));
    words(&mut svg, HEIGHT - 8.0, "start", 8.0, &format!("{} V", value_text("voltage_v", low)));
    words(&mut svg, HEIGHT - 8.0, "end", WIDTH - 8.0, &duration_words(span_us));
    let first_us = series.times_us.first().copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "pixels need fewer digits")]
    let x = |at_us: i64| 8.0 + (at_us - first_us) as f64 / span_us.max(1) as f64 * (WIDTH - 16.0);
    let y = |value: f64| MARGIN + (high - value) / (high - low).max(1e-9) * (HEIGHT - 2.0 * MARGIN);
    let mut pen = 'M';
    let mut path = String::new();
    for (at_us, value) in series.times_us.iter().zip(values) {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            pen = 'M';
            continue;
        };
        let _ = write!(path, "{pen}{:.1} {:.1}", x(*at_us), y(value));
        pen = 'L';
    }
    let _ = write!(
        svg,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{line}\" stroke-width=\"1.5\" stroke-linejoin=\"round\"/></svg>"
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lifts_the_pen_and_nothing_measured_is_said() {
        let series = Series {
            times_us: vec![0, 10_000_000, 20_000_000, 30_000_000],
            columns: vec![vec![Some(3.0), Some(4.0), None, Some(3.5)]],
            ..Series::default()
        };
        let svg = draw(&series, false);
        assert!(svg.contains("M8.0 110.0L82.7 22.0M232.0 66.0"), "{svg}");
        assert!(svg.contains("4.000 V") && svg.contains("3.000 V") && svg.contains("30 s"), "{svg}");
        assert!(draw(&Series::default(), true).contains("No data yet"));
    }
}
