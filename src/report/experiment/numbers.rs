//! The six numbers that say how a battery did.

use crate::analysis::cycling::{Cycle, Summary};

/// What stands where a number cannot be known.
const NONE: &str = "none";

/// One of the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// What it is.
    pub name: String,
    /// As shown; `none` where it cannot be known.
    pub value: String,
    /// Its unit; empty when there is no value.
    pub unit: &'static str,
    /// What belongs to it, small.
    pub note: String,
}

impl Number {
    fn new(name: impl Into<String>, value: Option<(String, &'static str)>, note: impl Into<String>) -> Self {
        let (value, unit) = value.unwrap_or_else(|| (NONE.to_owned(), ""));
        Self { name: name.into(), value, unit, note: note.into() }
    }
}

/// Charge, discharge, coulombic efficiency, mean voltage, highest temperature and duration.
#[must_use]
pub fn numbers(summary: &Summary, duration: &str) -> Vec<Number> {
    let total = &summary.total;
    let energy = |wh: f64| {
        let known = (summary.has_energy && wh > 0.0).then(|| amount(wh, ["Wh", "mWh", "µWh"]));
        known.map_or_else(String::new, |(value, unit)| format!("{value} {unit}"))
    };
    let charge = |ah: f64| (ah > 0.0).then(|| amount(ah, ["Ah", "mAh", "µAh"]));
    let efficiency = summary.efficiency_pct();
    let efficiency_note = match efficiency {
        None => "no cycle has both halves".to_owned(),
        Some((_, 1)) if summary.cycles.len() == 1 => "discharged over charged".to_owned(),
        Some((_, 1)) => "of one cycle".to_owned(),
        Some((_, count)) => format!("mean of {count} cycles"),
    };
    let volts = |volts: f64| format!("{volts:.3}");
    let mean = total.discharge_voltage_v().filter(|_| summary.has_energy);
    let mean_charge = total.charge_voltage_v().filter(|_| summary.has_energy);
    let mean_note = match (mean, mean_charge) {
        (Some(_), Some(charge)) => format!("discharging; {} V charging", volts(charge)),
        (Some(_), None) => "discharging".to_owned(),
        (None, Some(charge)) => format!("not discharged; {} V charging", volts(charge)),
        (None, None) => String::new(),
    };
    let temperature = total.temperature_max_c.map(|max| (format!("{max:.1}").replace('-', "−"), "°C"));
    vec![
        Number::new("Charged", charge(total.charge_ah), energy(total.charge_wh)),
        discharged(summary, energy(total.discharge_wh)),
        Number::new("Coulombic efficiency", efficiency.map(|(pct, _)| (format!("{pct:.2}"), "%")), efficiency_note),
        Number::new("Mean voltage", mean.map(|mean| (volts(mean), "V")), mean_note),
        Number::new("Hottest", temperature, ""),
        Number::new("Duration", Some((duration.to_owned(), "")), samples(summary.rows)),
    ]
}

/// The discharge: of several cycles the first and the last whole one, otherwise the sum.
fn discharged(summary: &Summary, energy: String) -> Number {
    let total_ah = summary.total.discharge_ah;
    let whole: Vec<&Cycle> = summary.cycles.iter().filter(|cycle| cycle.efficiency_pct.is_some()).collect();
    if let [first, .., last] = whole[..] {
        let (_, unit) = amount(first.moved.discharge_ah, ["Ah", "mAh", "µAh"]);
        let scale = match unit {
            "Ah" => 1.0,
            "mAh" => 1e3,
            _ => 1e6,
        };
        let text = |cycle: &Cycle| significant(cycle.moved.discharge_ah * scale);
        let name = format!("Discharged, cycle {} to {}", plain(first.number), plain(last.number));
        let (all, all_unit) = amount(total_ah, ["Ah", "mAh", "µAh"]);
        let note = if energy.is_empty() {
            format!("{all} {all_unit} in all")
        } else {
            format!("{all} {all_unit}, {energy} in all")
        };
        return Number::new(name, Some((format!("{} → {}", text(first), text(last)), unit)), note);
    }
    Number::new("Discharged", (total_ah > 0.0).then(|| amount(total_ah, ["Ah", "mAh", "µAh"])), energy)
}

fn samples(rows: u64) -> String {
    let digits = rows.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    if rows == 1 { "1 sample".to_owned() } else { format!("{text} samples") }
}

/// An amount in the unit that suits it, of one, its thousandth, its millionth: `3.003 Ah`, `1.250 mAh`.
#[must_use]
pub fn amount(value: f64, units: [&'static str; 3]) -> (String, &'static str) {
    let size = value.abs();
    let (scaled, unit) = match size {
        _ if size >= 0.1 || size == 0.0 => (value, units[0]),
        _ if size >= 1e-4 => (value * 1e3, units[1]),
        _ => (value * 1e6, units[2]),
    };
    (significant(scaled), unit)
}

/// A value with at least four digits.
pub(super) fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}").replace('-', "−")
}

/// The number of a cycle, which is whole nearly always.
pub(super) fn plain(value: f64) -> String {
    value.to_string().replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cycling::{Moved, Rule};

    fn summary(cycles: Vec<Cycle>, total: Moved) -> Summary {
        Summary {
            rows: 3_188_450,
            first_at_us: 0,
            last_at_us: 1,
            total,
            rule: Rule::Counted,
            cycles,
            has_energy: true,
            curves: Vec::new(),
        }
    }

    fn told(numbers: &[Number]) -> Vec<String> {
        numbers.iter().map(|one| format!("{}: {} {} ({})", one.name, one.value, one.unit, one.note)).collect()
    }

    #[test]
    fn six_numbers_say_how_the_battery_did() {
        let moved = |discharge_ah: f64| Moved { charge_ah: 3.0, discharge_ah, ..Moved::default() };
        let cycle = |number: f64, discharge_ah: f64| Cycle {
            number,
            first_at_us: 0,
            last_at_us: 0,
            moved: moved(discharge_ah),
            efficiency_pct: Some(discharge_ah / 0.03),
        };
        let total = Moved {
            charge_ah: 9.0,
            discharge_ah: 8.7,
            charge_wh: 36.0,
            discharge_wh: 31.32,
            temperature_max_c: Some(33.62),
        };
        let numbers = numbers(&summary(vec![cycle(1.0, 3.003), cycle(2.0, 2.85), cycle(3.0, 2.847)], total), "2 h");
        assert_eq!(
            told(&numbers),
            [
                "Charged: 9.000 Ah (36.00 Wh)",
                "Discharged, cycle 1 to 3: 3.003 → 2.847 Ah (8.700 Ah, 31.32 Wh in all)",
                "Coulombic efficiency: 94.95 % (mean of 2 cycles)",
                "Mean voltage: 3.600 V (discharging; 4.000 V charging)",
                "Hottest: 33.6 °C ()",
                "Duration: 2 h  (3\u{2009}188\u{2009}450 samples)",
            ]
        );
    }

    #[test]
    fn what_cannot_be_known_is_none() {
        let numbers = numbers(&summary(Vec::new(), Moved::default()), "1 min");
        let values: Vec<&str> = numbers.iter().map(|number| number.value.as_str()).collect();
        assert_eq!(values, ["none", "none", "none", "none", "none", "1 min"]);
    }

    #[test]
    fn small_amounts_have_small_units() {
        let units = ["Ah", "mAh", "µAh"];
        assert_eq!(amount(0.00125, units), ("1.250".into(), "mAh"));
        assert_eq!(amount(12.3456, units), ("12.35".into(), "Ah"));
        assert_eq!(amount(-0.000_012, units), ("−12.00".into(), "µAh"));
    }
}
