//! Charts about cycles: voltage over charge, and capacity of each.

use plotters::prelude::*;

use super::{AXIS, CLASSES, CURRENT, Drawing, FIRST_CYCLE, Failure, GRID, TEXT, VOLTAGE};
use super::{label, padded, step_decimals, title, typeset, with_classes};
use crate::analysis::cycling::{Curve, Cycle};

/// Half a page wide.
const SIZE: (u32, u32) = (350, 260);
/// Most dots of one kind: of more cycles the lowest and highest of every few are drawn.
const DOTS_MAX: usize = 300;

/// Voltage over the charge moved, one line for each of some cycles: of discharges, or of charges where there was no discharge.
/// Empty text when there is nothing to draw.
#[must_use]
pub fn voltage_over_charge(curves: &[Curve]) -> String {
    let lines = drawn(curves);
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return String::new() };
    let what = if first.is_charge { "charging" } else { "discharging" };
    let voltages: Vec<Option<f64>> =
        lines.iter().flat_map(|curve| &curve.points).map(|(_, volts)| Some(*volts)).collect();
    let charge_ah = lines.iter().flat_map(|curve| &curve.points).map(|(ah, _)| *ah).fold(0.0, f64::max);
    if charge_ah <= 0.0 {
        return String::new();
    }
    let (x, y) = (0.0..charge_ah * 1.04, padded(&voltages, 0.02));
    let ends = [(first, "first"), (last, "last")];
    draw(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(26)
            .margin_right(14)
            .x_label_area_size(34)
            .y_label_area_size(44)
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_desc("Charge moved, Ah")
            .axis_desc_style(label(&TEXT))
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(AXIS.mix(0.0))
            .label_style(label(&TEXT))
            .x_label_formatter(&|value| typeset(*value, step_decimals(&x, 6)))
            .y_label_formatter(&|value| typeset(*value, step_decimals(&y, 6)))
            .draw()?;
        let count = lines.len();
        for (at, curve) in lines.iter().enumerate() {
            chart.draw_series(LineSeries::new(curve.points.iter().copied(), color(at, count).stroke_width(1)))?;
        }
        if count > 1 {
            for (curve, _) in ends {
                if let Some(end) = curve.points.last() {
                    let number = typeset(curve.cycle, 0);
                    chart.draw_series([EmptyElement::at(*end) + Text::new(number, (3, -12), label(&TEXT))])?;
                }
            }
        }
        title(area, &format!("Voltage, V, {what}"), &VOLTAGE, 0)
    })
}

/// The curves that are drawn: one half of each cycle.
fn drawn(curves: &[Curve]) -> Vec<&Curve> {
    let discharges: Vec<&Curve> = curves.iter().filter(|curve| !curve.is_charge).collect();
    if discharges.is_empty() { curves.iter().collect() } else { discharges }
}

/// First dark, last gold, by class.
fn color(at: usize, count: usize) -> RGBColor {
    let colors = &CLASSES[FIRST_CYCLE..];
    let place = if count > 1 { at * (colors.len() - 1) / (count - 1) } else { 0 };
    colors[place.min(colors.len() - 1)].1
}

/// Charge (open) and discharge capacity (filled) of each cycle. Empty text with fewer than two cycles.
#[must_use]
pub fn capacity_per_cycle(cycles: &[Cycle]) -> String {
    let of = |capacity: fn(&Cycle) -> f64| -> Vec<(f64, f64)> {
        let dots: Vec<(f64, f64)> = cycles.iter().map(|cycle| (cycle.number, capacity(cycle))).collect();
        thinned(&dots.into_iter().filter(|(_, ah)| *ah > 0.0).collect::<Vec<_>>())
    };
    let (charged, discharged) = (of(|cycle| cycle.moved.charge_ah), of(|cycle| cycle.moved.discharge_ah));
    if charged.len().max(discharged.len()) < 2 {
        return String::new();
    }
    let all: Vec<Option<f64>> = charged.iter().chain(&discharged).map(|(_, ah)| Some(*ah)).collect();
    let y = padded(&all, 1e-6);
    let (low, high) =
        cycles.iter().fold((f64::MAX, f64::MIN), |(low, high), cycle| (low.min(cycle.number), high.max(cycle.number)));
    let x = low - 0.5..high + 0.5;
    draw(|area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(26)
            .margin_right(14)
            .x_label_area_size(34)
            .y_label_area_size(48)
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_desc("Cycle")
            .axis_desc_style(label(&TEXT))
            .light_line_style(GRID.mix(0.0))
            .bold_line_style(GRID)
            .axis_style(AXIS.mix(0.0))
            .label_style(label(&TEXT))
            .x_label_formatter(&|value| typeset(*value, 0))
            .y_label_formatter(&|value| typeset(*value, step_decimals(&y, 6)))
            .draw()?;
        chart.draw_series(charged.iter().map(|dot| Circle::new(*dot, 3, CURRENT)))?;
        chart.draw_series(discharged.iter().map(|dot| Circle::new(*dot, 3, VOLTAGE.filled())))?;
        title(area, "Discharged, Ah (filled)", &VOLTAGE, 0)?;
        title(area, "Charged, Ah (open)", &CURRENT, 190)
    })
}

/// At most [`DOTS_MAX`] dots: of more, the lowest and the highest of every few.
fn thinned(dots: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if dots.len() <= DOTS_MAX {
        return dots.to_vec();
    }
    let extremes = |few: &[(f64, f64)]| {
        let low = few.iter().copied().min_by(|left, right| left.1.total_cmp(&right.1));
        let high = few.iter().copied().max_by(|left, right| left.1.total_cmp(&right.1));
        low.into_iter().chain(high)
    };
    dots.chunks(dots.len().div_ceil(DOTS_MAX / 2)).flat_map(extremes).collect()
}

fn draw(paint: impl for<'a> FnOnce(&Drawing<'a>) -> Result<(), Failure<'a>>) -> String {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        paint(&area).and_then(|()| area.present())
    };
    if drawn.is_err() { String::new() } else { with_classes(&svg) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cycling::Moved;

    fn curve(cycle: f64, is_charge: bool) -> Curve {
        Curve { cycle, is_charge, points: vec![(0.0, 4.2), (1.0, 3.7), (2.0, 3.0)] }
    }

    #[test]
    fn discharges_are_drawn_first_dark_and_last_gold() {
        let svg = voltage_over_charge(&[curve(1.0, true), curve(1.0, false), curve(2.0, false), curve(9.0, false)]);
        assert!(svg.contains("c-cycle-0") && svg.contains("c-cycle-9") && svg.contains("discharging"), "{svg}");
        assert!(svg.contains(">\n9\n<") && !svg.contains("style="), "{svg}");
        assert!(voltage_over_charge(&[curve(1.0, true)]).contains(" charging"));
        assert_eq!(voltage_over_charge(&[]), "");
    }

    #[test]
    fn of_many_cycles_the_lowest_and_highest_are_kept() {
        let cycles: Vec<Cycle> = (0..5_000_u32)
            .map(|number| Cycle {
                number: f64::from(number),
                first_at_us: 0,
                last_at_us: 1,
                moved: Moved { discharge_ah: if number == 3_333 { 0.5 } else { 3.0 }, ..Moved::default() },
                efficiency_pct: None,
            })
            .collect();
        let dots: Vec<(f64, f64)> = cycles.iter().map(|cycle| (cycle.number, cycle.moved.discharge_ah)).collect();
        let drawn = thinned(&dots);
        assert!(drawn.len() <= DOTS_MAX && drawn.contains(&(3_333.0, 0.5)), "{}", drawn.len());
        let svg = capacity_per_cycle(&cycles);
        assert!(svg.len() < 60_000, "{}", svg.len());
        assert_eq!(capacity_per_cycle(&cycles[..1]), "");
    }
}
