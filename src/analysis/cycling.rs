//! What an experiment did to its battery: charge, energy and temperature of every cycle and of the whole, from its rows in
//! order of time, in memory that does not grow with them.
//!
//! Charge is the integral of current by trapezoids, split where the current changes its sign. Pauses without rows are not
//! bridged. A cycle is what the station counted; where it counted none, the whole experiment is one.

mod curves;

use serde::Serialize;

pub use curves::Curve;
use curves::Curves;

/// Most cycles told apart; a longer life is added to the last of them.
const CYCLES_MAX: usize = 20_000;
/// A half that moved less than this part of the largest one is no half: a pulse, or the noise of a rest.
const HALF_MIN: f64 = 0.05;
const HOUR_S: f64 = 3_600.0;

/// One row, as far as it matters here; `None` where nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Row {
    /// When, µs UTC.
    pub at_us: i64,
    /// Voltage, V.
    pub voltage_v: Option<f64>,
    /// Current, A; charging is positive.
    pub current_a: Option<f64>,
    /// Temperature, °C.
    pub temperature_c: Option<f64>,
    /// Cycle, as the station counts.
    pub cycle: Option<f64>,
}

/// What was moved, and how warm it became.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Moved {
    /// Charged, Ah.
    pub charge_ah: f64,
    /// Discharged, Ah, positive.
    pub discharge_ah: f64,
    /// Energy charged, Wh.
    pub charge_wh: f64,
    /// Energy discharged, Wh, positive.
    pub discharge_wh: f64,
    /// Highest temperature, °C.
    pub temperature_max_c: Option<f64>,
}

impl Moved {
    fn add(&mut self, charge_ah: f64, energy_wh: f64) {
        if charge_ah > 0.0 {
            self.charge_ah += charge_ah;
            self.charge_wh += energy_wh;
        } else {
            self.discharge_ah -= charge_ah;
            self.discharge_wh -= energy_wh;
        }
    }

    fn warm(&mut self, temperature_c: f64) {
        self.temperature_max_c = Some(self.temperature_max_c.map_or(temperature_c, |max| max.max(temperature_c)));
    }

    /// Mean voltage of the discharge: its energy over its charge, V.
    #[must_use]
    pub fn discharge_voltage_v(&self) -> Option<f64> {
        (self.discharge_ah > 0.0).then(|| self.discharge_wh / self.discharge_ah)
    }

    /// Mean voltage of the charge, V.
    #[must_use]
    pub fn charge_voltage_v(&self) -> Option<f64> {
        (self.charge_ah > 0.0).then(|| self.charge_wh / self.charge_ah)
    }
}

/// One cycle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cycle {
    /// Its number, as the station counts.
    pub number: f64,
    /// Its first row, µs UTC.
    pub first_at_us: i64,
    /// Its last row, µs UTC.
    pub last_at_us: i64,
    /// What it moved.
    pub moved: Moved,
    /// Discharged over charged, %; `None` when one half is missing.
    pub efficiency_pct: Option<f64>,
}

/// How cycles were told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// By the numbers of the station.
    Counted,
    /// Not at all: nobody counted.
    Whole,
}

impl Rule {
    /// The rule in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Counted => "cycles as the station counted them",
            Self::Whole => "the whole experiment as one cycle, since none were counted",
        }
    }
}

/// What an experiment did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Rows.
    pub rows: u64,
    /// Time of the first row, µs UTC.
    pub first_at_us: i64,
    /// Time of the last row, µs UTC.
    pub last_at_us: i64,
    /// Everything together.
    pub total: Moved,
    /// How cycles were told apart.
    pub rule: Rule,
    /// The cycles in order.
    pub cycles: Vec<Cycle>,
    /// Whether voltage was measured together with current; without it no energy is known.
    pub has_energy: bool,
    /// Voltage over charge of some cycles, evenly chosen, the first and the last among them.
    #[serde(skip)]
    pub curves: Vec<Curve>,
}

impl Summary {
    /// Mean coulombic efficiency and the number of cycles it is of: of those with both halves, the first one left out when
    /// there are others, because it rarely begins empty.
    #[must_use]
    pub fn efficiency_pct(&self) -> Option<(f64, usize)> {
        let known: Vec<f64> = self.cycles.iter().filter_map(|cycle| cycle.efficiency_pct).collect();
        let counted = if known.len() > 1 && self.cycles.first().is_some_and(|first| first.efficiency_pct.is_some()) {
            &known[1..]
        } else {
            &known[..]
        };
        #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 cycles")]
        let mean = counted.iter().sum::<f64>() / counted.len() as f64;
        (!counted.is_empty()).then_some((mean, counted.len()))
    }
}

/// Watches the rows go by, in order of time.
#[derive(Debug)]
pub struct Accumulator {
    /// Pauses without rows: last row before, first row after; ascending.
    gaps: Vec<(i64, i64)>,
    next_gap: usize,
    before: Option<Row>,
    rows: u64,
    first_at_us: i64,
    has_energy: bool,
    total: Moved,
    cycles: Vec<Cycle>,
    is_counted: bool,
    curves: Curves,
}

impl Accumulator {
    /// Begins. `gaps` are the pauses that are not bridged: last row before, first row after, µs UTC, ascending.
    #[must_use]
    pub fn new(gaps: Vec<(i64, i64)>) -> Self {
        Self {
            gaps,
            next_gap: 0,
            before: None,
            rows: 0,
            first_at_us: 0,
            has_energy: false,
            total: Moved::default(),
            cycles: Vec::new(),
            is_counted: false,
            curves: Curves::default(),
        }
    }

    /// Takes the next row.
    pub fn row(&mut self, row: Row) {
        if self.rows == 0 {
            self.first_at_us = row.at_us;
        }
        self.rows += 1;
        let cycle = self.cycle(&row);
        if let Some(temperature_c) = row.temperature_c.filter(|value| value.is_finite()) {
            self.total.warm(temperature_c);
            self.cycles[cycle].moved.warm(temperature_c);
        }
        let Some(current_a) = row.current_a.filter(|value| value.is_finite()) else {
            // What is not measured is not bridged either: the next row begins anew.
            if row.current_a.is_some() {
                self.before = None;
            }
            return;
        };
        while self.gaps.get(self.next_gap).is_some_and(|(_, after_us)| *after_us < row.at_us) {
            self.next_gap += 1;
        }
        let is_after_gap = self.gaps.get(self.next_gap).is_some_and(|(_, after_us)| *after_us == row.at_us);
        if let Some(before) = self.before.filter(|before| !is_after_gap && before.at_us < row.at_us) {
            self.piece(&before, &row, cycle);
        }
        let cycle = &self.cycles[cycle];
        self.curves.point(cycle.number, &cycle.moved, row.voltage_v, current_a);
        self.before = Some(row);
    }

    /// The cycle of a row, added when it is new.
    fn cycle(&mut self, row: &Row) -> usize {
        let number = row.cycle.filter(|number| number.is_finite());
        let present = self.cycles.last().map(|cycle| cycle.number);
        let is_new = match (number, present) {
            (_, None) => true,
            // Rows before the first count belong to the first cycle.
            (Some(_), Some(_)) if !self.is_counted => false,
            (Some(number), Some(present)) => number.to_bits() != present.to_bits(),
            (None, Some(_)) => false,
        };
        if let (Some(number), false) = (number, self.is_counted) {
            self.is_counted = true;
            if let Some(first) = self.cycles.first_mut() {
                first.number = number;
            }
        }
        if is_new && self.cycles.len() < CYCLES_MAX {
            self.cycles.push(Cycle {
                number: number.unwrap_or(1.0),
                first_at_us: row.at_us,
                last_at_us: row.at_us,
                moved: Moved::default(),
                efficiency_pct: None,
            });
        }
        let last = self.cycles.len() - 1;
        self.cycles[last].last_at_us = row.at_us;
        last
    }

    /// What was moved between two rows.
    fn piece(&mut self, before: &Row, row: &Row, cycle: usize) {
        #[expect(clippy::cast_precision_loss, reason = "pauses are short against 2^53 µs")]
        let hours = (row.at_us - before.at_us) as f64 / 1e6 / HOUR_S;
        let (Some(from_a), Some(to_a)) = (before.current_a, row.current_a) else { return };
        let power = |row: &Row| row.voltage_v.filter(|value| value.is_finite()).zip(row.current_a).map(|(v, a)| v * a);
        let powers = power(before).zip(power(row));
        self.has_energy |= powers.is_some();
        let (from_w, to_w) = powers.unwrap_or_default();
        let parts = if from_a * to_a < 0.0 {
            // The current crosses zero: a triangle before, one after.
            let share = from_a / (from_a - to_a);
            [(from_a * share, from_w * share), (to_a * (1.0 - share), to_w * (1.0 - share))]
        } else {
            [(from_a + to_a, from_w + to_w), (0.0, 0.0)]
        };
        for (amperes, watts) in parts {
            if amperes != 0.0 {
                let (charge_ah, energy_wh) = (amperes / 2.0 * hours, watts / 2.0 * hours);
                self.total.add(charge_ah, energy_wh);
                self.cycles[cycle].moved.add(charge_ah, energy_wh);
            }
        }
    }

    /// What all rows together tell; `None` without rows.
    #[must_use]
    pub fn finish(self) -> Option<Summary> {
        let last_at_us = self.cycles.last()?.last_at_us;
        let mut cycles = self.cycles;
        let largest =
            cycles.iter().map(|cycle| cycle.moved.charge_ah.max(cycle.moved.discharge_ah)).fold(0.0, f64::max);
        for Cycle { moved, efficiency_pct, .. } in &mut cycles {
            if moved.charge_ah.min(moved.discharge_ah) >= HALF_MIN * largest && largest > 0.0 {
                *efficiency_pct = Some(100.0 * moved.discharge_ah / moved.charge_ah);
            }
        }
        Some(Summary {
            rows: self.rows,
            first_at_us: self.first_at_us,
            last_at_us,
            total: self.total,
            rule: if self.is_counted { Rule::Counted } else { Rule::Whole },
            cycles,
            has_energy: self.has_energy,
            curves: self.curves.finish(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn row(second: i64, current_a: f64) -> Row {
        let voltage_v = Some(if current_a > 0.0 { 4.0 } else { 3.0 });
        Row { at_us: second * SECOND, voltage_v, current_a: Some(current_a), ..Row::default() }
    }

    fn summary(rows: impl IntoIterator<Item = Row>, gaps: &[(i64, i64)]) -> Summary {
        let mut accumulator = Accumulator::new(gaps.to_vec());
        rows.into_iter().for_each(|row| accumulator.row(row));
        accumulator.finish().unwrap()
    }

    fn is_near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn an_hour_of_two_amperes_is_two_ampere_hours() {
        let found = summary((0..=3_600).map(|second| row(second, 2.0)), &[]);
        assert!(is_near(found.total.charge_ah, 2.0) && is_near(found.total.charge_wh, 8.0), "{found:?}");
        assert_eq!((found.total.discharge_ah, found.total.discharge_voltage_v(), found.rule), (0.0, None, Rule::Whole));
        assert_eq!(found.efficiency_pct(), None, "a cycle without both halves has no efficiency");
    }

    #[test]
    fn a_current_that_changes_its_sign_is_split_at_zero() {
        // From +2 A to -1 A in 3 s: 2 s of charge, mean 1 A; 1 s of discharge, mean 0.5 A.
        let found = summary([row(0, 2.0), row(3, -1.0)], &[]);
        assert!(is_near(found.total.charge_ah, 2.0 / 3_600.0), "{found:?}");
        assert!(is_near(found.total.discharge_ah, 0.5 / 3_600.0), "{found:?}");
    }

    #[test]
    fn a_gap_is_not_bridged() {
        let rows = || (0..10).chain(1_000..1_010).map(|second| row(second, 1.0));
        let bridged = summary(rows(), &[]);
        let found = summary(rows(), &[(9 * SECOND, 1_000 * SECOND)]);
        assert!(is_near(bridged.total.charge_ah, 1_009.0 / 3_600.0), "{bridged:?}");
        assert!(is_near(found.total.charge_ah, 18.0 / 3_600.0), "{found:?}");
    }

    #[test]
    fn cycles_are_those_of_the_station_and_have_an_efficiency_with_both_halves() {
        let hour = |cycle: i64, current_a: f64, part: i64| {
            let begin = (cycle * 2 + part) * 3_601;
            (0..=3_600).map(move |second| Row {
                cycle: Some(f64::from(u8::try_from(cycle).unwrap())),
                ..row(begin + second, current_a)
            })
        };
        let rows = (1..=3).flat_map(|cycle| {
            hour(cycle, 1.0, 0).chain(hour(cycle, -0.99 + 0.01 * f64::from(u8::try_from(cycle).unwrap()), 1))
        });
        let found = summary(rows.chain([Row { cycle: Some(4.0), ..row(30_000, 0.0) }]), &[]);
        assert_eq!(found.rule, Rule::Counted);
        assert_eq!(found.cycles.iter().map(|cycle| cycle.number).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
        let efficiencies: Vec<Option<String>> =
            found.cycles.iter().map(|cycle| cycle.efficiency_pct.map(|pct| format!("{pct:.1}"))).collect();
        assert_eq!(efficiencies, [Some("98.0".into()), Some("97.0".into()), Some("96.0".into()), None]);
        let (mean, count) = found.efficiency_pct().unwrap();
        assert!((mean - 96.5).abs() < 0.1 && count == 2, "{mean} of {count}");
        assert!((found.total.discharge_voltage_v().unwrap() - 3.0).abs() < 0.01);
        assert_eq!(found.curves.len(), 6, "a charge and a discharge of three cycles");
    }

    #[test]
    fn what_is_no_number_counts_for_nothing() {
        let odd = Row { temperature_c: Some(f64::NAN), ..row(1, f64::INFINITY) };
        let found = summary([row(0, 1.0), odd, Row { temperature_c: Some(31.5), ..row(2, 1.0) }, row(3, 1.0)], &[]);
        assert!(is_near(found.total.charge_ah, 1.0 / 3_600.0), "{found:?}");
        assert_eq!(found.total.temperature_max_c, Some(31.5));
        assert!(Accumulator::new(Vec::new()).finish().is_none());
    }
}
