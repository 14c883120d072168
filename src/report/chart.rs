//! Charts as SVG, for print and for browsers without scripts.
//!
//! No colour is written into the drawing: every shape carries a class, so one drawing serves light, dark and paper.

pub mod cycles;

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, KeyPointWeight, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::series::window::Series;

/// Measures of a drawing in its own units; it scales.
struct Format {
    /// Width and height.
    size: (u32, u32),
    /// Height of the upper pane: voltage and current.
    upper: i32,
    /// Room for the labels of the vertical axes.
    margin: u32,
    /// About so many labels stand below.
    x_labels: usize,
}

/// Across a page.
const WIDE: Format = Format { size: (700, 440), upper: 285, margin: 52, x_labels: 8 };
/// In a narrow column: fewer labels, so that each can be read.
const NARROW: Format = Format { size: (360, 360), upper: 230, margin: 40, x_labels: 4 };

/// Labels of an axis of the upper pane, at most.
const LABELS: usize = 7;
/// The same of the lower pane.
const LABELS_LOW: usize = 4;

/// Plotters writes colours; these stand for classes until the drawing is done.
const CLASSES: [(&str, RGBColor); 17] = [
    ("c-voltage", RGBColor(1, 0, 0)),
    ("c-current", RGBColor(2, 0, 0)),
    ("c-temperature", RGBColor(3, 0, 0)),
    ("c-grid", RGBColor(4, 0, 0)),
    ("c-text", RGBColor(5, 0, 0)),
    ("c-gap", RGBColor(6, 0, 0)),
    ("c-axis", RGBColor(7, 0, 0)),
    ("c-cycle-0", RGBColor(10, 0, 0)),
    ("c-cycle-1", RGBColor(11, 0, 0)),
    ("c-cycle-2", RGBColor(12, 0, 0)),
    ("c-cycle-3", RGBColor(13, 0, 0)),
    ("c-cycle-4", RGBColor(14, 0, 0)),
    ("c-cycle-5", RGBColor(15, 0, 0)),
    ("c-cycle-6", RGBColor(16, 0, 0)),
    ("c-cycle-7", RGBColor(17, 0, 0)),
    ("c-cycle-8", RGBColor(18, 0, 0)),
    ("c-cycle-9", RGBColor(19, 0, 0)),
];
/// Where the colours of cycles begin, first to last.
const FIRST_CYCLE: usize = 7;
const VOLTAGE: RGBColor = CLASSES[0].1;
const CURRENT: RGBColor = CLASSES[1].1;
const TEMPERATURE: RGBColor = CLASSES[2].1;
const GRID: RGBColor = CLASSES[3].1;
const TEXT: RGBColor = CLASSES[4].1;
const GAP: RGBColor = CLASSES[5].1;
const AXIS: RGBColor = CLASSES[6].1;

type Drawing<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Pane<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Failure<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

/// Voltage (solid, left), current (dashed, right) and below them temperature, over the window `from_us..=to_us`.
///
/// The columns of `series` are voltage, current, temperature. `origin_us` is when the experiment began: the axis then
/// shows test time, otherwise seconds before the end of the window. Empty text when there is nothing to draw.
#[must_use]
pub fn monitor(series: &Series, window_us: (i64, i64), origin_us: Option<i64>) -> String {
    draw(series, window_us, origin_us, &WIDE)
}

/// The same for a narrow column, from the start of a run to `end_us` after it.
#[must_use]
pub fn forecast(series: &Series, end_us: i64) -> String {
    draw(series, (0, end_us), Some(0), &NARROW)
}

fn draw(series: &Series, (from_us, to_us): (i64, i64), origin_us: Option<i64>, format: &Format) -> String {
    if series.times_us.is_empty() || to_us <= from_us {
        return String::new();
    }
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, format.size).into_drawing_area();
        let frame = Frame {
            series,
            format,
            x: seconds(from_us, origin_us.unwrap_or(to_us))..seconds(to_us, origin_us.unwrap_or(to_us)),
            origin_us: origin_us.unwrap_or(to_us),
        };
        let (upper, lower) = area.split_vertically(format.upper);
        frame.voltage_and_current(&upper).and_then(|()| frame.temperature(&lower)).and_then(|()| area.present())
    };
    if drawn.is_err() { String::new() } else { with_classes(&svg) }
}

/// The chart in one sentence per quantity, for those who cannot see it.
#[must_use]
pub fn summary(series: &Series) -> String {
    let names = [("Voltage", "V", 3), ("Current", "A", 3), ("Temperature", "°C", 1)];
    let sentences = names.iter().zip(&series.columns).filter_map(|((name, unit, decimals), values)| {
        let (low, high) = extent(values)?;
        let last = values.iter().rev().copied().flatten().next()?;
        let number = |value: f64| format!("{value:.decimals$}").replace('-', "−");
        Some(format!("{name} {} {unit} at the end, between {} and {} {unit}.", number(last), number(low), number(high)))
    });
    let mut text: Vec<String> = sentences.collect();
    match series.gaps.len() {
        0 => {}
        1 => text.push("One gap without samples.".to_owned()),
        count => text.push(format!("{count} gaps without samples.")),
    }
    if text.is_empty() { "No samples in this window.".to_owned() } else { text.join(" ") }
}

struct Frame<'a> {
    series: &'a Series,
    format: &'a Format,
    /// Shown range in seconds from the origin.
    x: Range<f64>,
    origin_us: i64,
}

impl Frame<'_> {
    fn voltage_and_current<'a>(&self, area: &Drawing<'a>) -> Result<(), Failure<'a>> {
        let (voltage, current) = (self.column(0), self.column(1));
        let (left, right) = (padded(voltage, 0.02), padded(current, 0.1));
        let mut chart = ChartBuilder::on(area)
            .margin_top(26)
            .y_label_area_size(self.format.margin)
            .right_y_label_area_size(self.format.margin)
            .build_cartesian_2d(self.x.clone(), left.clone())?;
        self.gaps(&mut chart, &left, true)?;
        let mut chart = chart.set_secondary_coord(self.x.clone(), right.clone());
        chart
            .configure_mesh()
            .disable_x_axis()
            .x_labels(self.format.x_labels)
            .y_labels(LABELS)
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(AXIS.mix(0.0))
            .label_style(label(&TEXT))
            .y_label_formatter(&|value| typeset(*value, step_decimals(&left, LABELS)))
            .draw()?;
        chart
            .configure_secondary_axes()
            .y_labels(LABELS)
            .axis_style(AXIS.mix(0.0))
            .label_style(label(&TEXT))
            .y_label_formatter(&|value| typeset(*value, step_decimals(&right, LABELS)))
            .draw()?;
        for line in self.lines(voltage) {
            chart.draw_series(LineSeries::new(line, VOLTAGE.stroke_width(2)))?;
        }
        for line in self.lines(current) {
            // Dashed by the sheet: dashes of its own would be a line element each, thousands where the current swings.
            chart.draw_secondary_series(LineSeries::new(line, CURRENT.stroke_width(2)))?;
        }
        if let Some(end) = self.end(voltage) {
            chart.draw_series([Circle::new(end, 4, VOLTAGE.filled())])?;
        }
        if let Some(end) = self.end(current) {
            let square = |point| EmptyElement::at(point) + Rectangle::new([(-4, -4), (4, 4)], CURRENT.filled());
            chart.draw_secondary_series([square(end)])?;
        }
        title(area, "Voltage, V", &VOLTAGE, 0)?;
        title(area, "Current, A", &CURRENT, i32::try_from(self.format.size.0).unwrap_or(0) - 68)
    }

    fn temperature<'a>(&self, area: &Drawing<'a>) -> Result<(), Failure<'a>> {
        let temperature = self.column(2);
        let y = padded(temperature, 1.0);
        let mut chart = ChartBuilder::on(area)
            .margin_top(26)
            .x_label_area_size(22)
            .y_label_area_size(self.format.margin)
            .margin_right(self.format.margin)
            .build_cartesian_2d(self.x.clone(), y.clone())?;
        self.gaps(&mut chart, &y, false)?;
        chart
            .configure_mesh()
            .x_labels(self.format.x_labels)
            .y_labels(LABELS_LOW)
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(AXIS.mix(0.0))
            .label_style(label(&TEXT))
            .x_label_formatter(&|seconds| clock_like(*seconds))
            .y_label_formatter(&|value| typeset(*value, step_decimals(&y, LABELS_LOW)))
            .draw()?;
        for line in self.lines(temperature) {
            chart.draw_series(LineSeries::new(line, TEMPERATURE.stroke_width(2)))?;
        }
        title(area, "Temperature, °C", &TEMPERATURE, 0)
    }

    fn column(&self, index: usize) -> &[Option<f64>] {
        self.series.columns.get(index).map_or(&[], Vec::as_slice)
    }

    /// The unbroken stretches of a column.
    fn lines(&self, values: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
        let mut lines = vec![Vec::new()];
        for (at_us, value) in self.series.times_us.iter().zip(values) {
            match (value.filter(|value| value.is_finite()), lines.last_mut()) {
                (Some(value), Some(line)) => line.push((seconds(*at_us, self.origin_us), value)),
                (None, Some(line)) if !line.is_empty() => lines.push(Vec::new()),
                _ => {}
            }
        }
        lines.retain(|line| !line.is_empty());
        lines
    }

    fn end(&self, values: &[Option<f64>]) -> Option<(f64, f64)> {
        self.lines(values).last()?.last().copied()
    }

    /// Marks the gaps; their lengths are written where `named`.
    fn gaps<'a>(&self, chart: &mut Pane<'a, '_>, y: &Range<f64>, named: bool) -> Result<(), Failure<'a>> {
        for (before, after) in &self.series.gaps {
            let (left, right) = (seconds(*before, self.origin_us), seconds(*after, self.origin_us));
            chart.draw_series([Rectangle::new([(left, y.start), (right, y.end)], GAP.filled())])?;
            if named {
                let text = Text::new(format!("No data {}", length(right - left)), (-30, -16), label(&TEXT));
                chart.draw_series([EmptyElement::at(((left + right) / 2.0, y.start)) + text])?;
            }
        }
        Ok(())
    }
}

fn title<'a>(area: &Drawing<'a>, text: &str, color: &RGBColor, x: i32) -> Result<(), Failure<'a>> {
    area.draw(&Text::new(text.to_owned(), (x, 4), ("sans-serif", 13).into_font().style(FontStyle::Bold).color(color)))
}

fn label(color: &RGBColor) -> TextStyle<'static> {
    ("sans-serif", 12).into_font().color(color)
}

#[expect(clippy::cast_precision_loss, reason = "a microsecond over a century is far below a pixel")]
fn seconds(at_us: i64, origin_us: i64) -> f64 {
    at_us.saturating_sub(origin_us) as f64 / 1e6
}

fn extent(values: &[Option<f64>]) -> Option<(f64, f64)> {
    let finite = values.iter().copied().flatten().filter(|value| value.is_finite());
    finite.fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// The range of an axis: the values with air around them, never flatter than `least` so that noise stays small.
fn padded(values: &[Option<f64>], least: f64) -> Range<f64> {
    let (low, high) = extent(values).unwrap_or((0.0, 1.0));
    let span = (high - low).max(least);
    let middle = (high + low) / 2.0;
    middle - span * 0.58..middle + span * 0.58
}

/// Decimals that tell the labels of an axis apart, of which there are `labels` at most.
fn step_decimals(range: &Range<f64>, labels: usize) -> usize {
    let keys = RangedCoordf64::from(range.clone()).key_points(KeyPoints(labels));
    let step = keys.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    (0..6)
        .find(|decimals| {
            step >= 0.999 * 10_f64.powi(-i32::try_from(*decimals).unwrap_or(0)) && is_multiple(step, *decimals)
        })
        .unwrap_or(3)
}

fn is_multiple(step: f64, decimals: usize) -> bool {
    let scaled = step * 10_f64.powi(i32::try_from(decimals).unwrap_or(0));
    (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1.0)
}

struct KeyPoints(usize);

impl KeyPointHint for KeyPoints {
    fn max_num_points(&self) -> usize {
        self.0
    }

    fn weight(&self) -> KeyPointWeight {
        KeyPointWeight::Any
    }
}

fn typeset(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.trim_start_matches(['-', '0', '.']).is_empty() { text.replace('-', "") } else { text.replace('-', "−") }
}

/// `1:07:30`, `−0:04:10`.
#[expect(clippy::cast_possible_truncation, reason = "seconds of a chart are far below 2^63")]
fn clock_like(seconds: f64) -> String {
    let sign = if seconds < -0.5 { "−" } else { "" };
    let whole = seconds.abs().round() as i64;
    format!("{sign}{}:{:02}:{:02}", whole / 3_600, whole / 60 % 60, whole % 60)
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a chart are far below 2^63")]
fn length(seconds: f64) -> String {
    let whole = seconds.round() as i64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min", (whole + 30) / 60),
        _ => format!("{} h {} min", whole / 3_600, whole / 60 % 60),
    }
}

/// Puts classes where plotters wrote colours, and lets the page choose the font.
fn with_classes(svg: &str) -> String {
    let mut svg = svg.replace(" font-family=\"sans-serif\"", "");
    for (class, color) in CLASSES {
        let hex = format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2);
        svg = svg.replace(&format!("fill=\"none\" stroke=\"{hex}\""), &format!("fill=\"none\" class=\"s {class}\""));
        svg = svg.replace(&format!("stroke=\"{hex}\""), &format!("class=\"s {class}\""));
        svg = svg.replace(&format!("fill=\"{hex}\" stroke=\"none\""), &format!("class=\"f {class}\""));
        svg = svg.replace(&format!("fill=\"{hex}\""), &format!("class=\"f {class}\""));
    }
    svg.replacen("<svg ", "<svg class=\"chart-svg\" aria-hidden=\"true\" focusable=\"false\" ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> Series {
        let second = 1_000_000;
        let mut series = Series { times_us: (0..20).map(|at| at * second).collect(), ..Series::default() };
        series.columns = vec![
            (0..20).map(|at| Some(3.5 + f64::from(at) / 100.0)).collect(),
            vec![Some(-5.0); 20],
            vec![Some(25.0); 20],
        ];
        series
    }

    #[test]
    fn a_drawing_has_classes_and_no_colours() {
        let svg = monitor(&series(), (0, 20_000_000), Some(0));
        assert!(svg.contains("s c-voltage") && svg.contains("s c-current") && svg.contains("s c-temperature"), "{svg}");
        for (_, color) in CLASSES {
            assert!(!svg.contains(&format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)));
        }
        assert!(!svg.contains("style="), "the content security policy forbids style attributes");
    }

    #[test]
    fn a_gap_splits_the_line() {
        let mut series = series();
        let whole = Frame { series: &series, format: &WIDE, x: 0.0..20.0, origin_us: 0 };
        assert_eq!(whole.lines(whole.column(0)).len(), 1);
        series.columns[0][10] = None;
        let broken = Frame { series: &series, format: &WIDE, x: 0.0..20.0, origin_us: 0 };
        assert_eq!(broken.lines(broken.column(0)).iter().map(Vec::len).collect::<Vec<_>>(), [10, 9]);
    }

    #[test]
    fn nothing_measured_draws_nothing() {
        assert_eq!(monitor(&Series::default(), (0, 1), None), "");
        assert!(forecast(&series(), 20_000_000).contains("viewBox=\"0 0 360 360\""));
        assert_eq!(summary(&Series::default()), "No samples in this window.");
    }

    #[test]
    fn the_summary_tells_last_lowest_and_highest() {
        let text = summary(&series());
        assert!(text.starts_with("Voltage 3.690 V at the end, between 3.500 and 3.690 V. Current −5.000 A"), "{text}");
    }

    #[test]
    fn axis_labels_are_told_apart() {
        assert_eq!(typeset(-0.0, 1), "0.0");
        assert_eq!(typeset(-2.5, 1), "−2.5");
        assert_eq!(clock_like(-250.0), "−0:04:10");
        assert_eq!(step_decimals(&(2.5..4.2), LABELS), 1);
        // Seven labels make halves of what six leave whole.
        assert_eq!(step_decimals(&(-0.1..3.4), LABELS), 1);
    }
}
