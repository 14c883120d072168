//! The cycles of an experiment: what each moved, as charts and as a table.

use crate::analysis::cycling::{Cycle, Summary};
use crate::domain::ids::ExperimentId;
use crate::report::chart::cycles::{capacity_per_cycle, voltage_over_charge};

/// Most rows of the table: as many as somebody reads; the API has all of them.
const ROWS_MAX: usize = 60;

/// What the page shows of the cycles.
pub(super) struct Cycles {
    /// Voltage over the charge moved; empty when there is nothing to draw.
    pub(super) curves_svg: String,
    /// Capacity of each cycle; empty with fewer than two.
    pub(super) capacity_svg: String,
    /// Some of the cycles, evenly chosen, the ends among them; empty with fewer than two.
    pub(super) rows: Vec<Row>,
    /// How many there are.
    pub(super) count: usize,
}

/// A cycle in the table.
pub(super) struct Row {
    /// Its number, as the station counted.
    pub(super) number: String,
    /// Where its part of the chart is seen.
    pub(super) href: String,
    /// Charged, discharged, efficiency, kept, hottest.
    pub(super) values: [String; 5],
}

impl Cycles {
    /// The cycles of a summary.
    pub(super) fn new(summary: &Summary, experiment: ExperimentId) -> Self {
        let cycles = &summary.cycles;
        Self {
            curves_svg: voltage_over_charge(&summary.curves),
            capacity_svg: capacity_per_cycle(cycles),
            rows: rows(cycles, experiment),
            count: cycles.len(),
        }
    }

    /// Whether rows were left out.
    pub(super) fn is_thinned(&self) -> bool {
        self.rows.len() < self.count
    }

    /// What the curves show, in words.
    pub(super) fn curves_words(&self) -> String {
        match self.count {
            0 | 1 => "The whole experiment as one cycle.".to_owned(),
            count => format!("Of {count} cycles, the first dark, the last gold. The table has their numbers."),
        }
    }

    /// What the dots show, in words.
    pub(super) fn capacity_words(&self) -> String {
        match (self.rows.first(), self.rows.last()) {
            (Some(first), Some(last)) => format!(
                "Discharged {} Ah in cycle {}, {} Ah in cycle {}.",
                first.values[1], first.number, last.values[1], last.number
            ),
            _ => String::new(),
        }
    }
}

fn rows(cycles: &[Cycle], experiment: ExperimentId) -> Vec<Row> {
    if cycles.len() < 2 {
        return Vec::new();
    }
    let first_ah = cycles.iter().map(|cycle| cycle.moved.discharge_ah).find(|ah| *ah > 0.0);
    let count = cycles.len().min(ROWS_MAX);
    let picked = (0..count).map(|at| &cycles[at * (cycles.len() - 1) / (count - 1)]);
    let text = |value: Option<f64>, decimals: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}").replace('-', "−"))
    };
    let moved = |ah: f64| text((ah > 0.0).then_some(ah), 4);
    picked
        .map(|cycle| {
            let kept = first_ah
                .filter(|_| cycle.moved.discharge_ah > 0.0)
                .map(|first| 100.0 * cycle.moved.discharge_ah / first);
            Row {
                number: format!("{:.0}", cycle.number),
                href: format!(
                    "/experiments/{experiment}?from_us={}&to_us={}#chart-head",
                    cycle.first_at_us, cycle.last_at_us
                ),
                values: [
                    moved(cycle.moved.charge_ah),
                    moved(cycle.moved.discharge_ah),
                    text(cycle.efficiency_pct, 2),
                    text(kept, 2),
                    text(cycle.moved.temperature_max_c, 1),
                ],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cycling::Moved;

    #[test]
    fn a_long_life_is_shown_in_part_and_each_row_leads_to_its_part_of_the_chart() {
        let cycle = |number: u32| Cycle {
            number: f64::from(number),
            first_at_us: i64::from(number) * 100,
            last_at_us: i64::from(number) * 100 + 99,
            moved: Moved { discharge_ah: 3.0 - f64::from(number) / 1e3, ..Moved::default() },
            efficiency_pct: None,
        };
        let cycles: Vec<Cycle> = (1..=500).map(cycle).collect();
        let rows = rows(&cycles, ExperimentId(7));
        assert_eq!((rows.len(), rows[0].number.as_str(), rows[59].number.as_str()), (ROWS_MAX, "1", "500"));
        assert_eq!(rows[59].href, "/experiments/7?from_us=50000&to_us=50099#chart-head");
        assert_eq!(rows[59].values, ["–", "2.5000", "–", "83.36", "–"]);
    }
}
