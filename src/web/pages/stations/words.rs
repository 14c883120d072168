//! Limits in words.

use crate::domain::instrument::ToldLimits;
use crate::domain::limits::Limits;
use crate::web::pages::monitor::numbers::value_text;

/// A voltage with its unit: `4.200 V`.
#[must_use]
pub fn voltage(volts: f64) -> String {
    format!("{} V", value_text("voltage_v", volts))
}

/// A current with its sign and unit: `−10.000 A`.
#[must_use]
pub fn current(amperes: f64) -> String {
    format!("{} A", value_text("current_a", amperes))
}

/// The voltages a station may apply: `0.000 V to 5.000 V`.
#[must_use]
pub fn voltages(limits: &Limits) -> String {
    if limits.voltage_min_v <= Limits::WIDE.voltage_min_v && limits.voltage_max_v >= Limits::WIDE.voltage_max_v {
        return "not limited".to_owned();
    }
    format!("{} to {}", voltage(limits.voltage_min_v), voltage(limits.voltage_max_v))
}

/// The currents a station may apply: `−10.000 A to +10.000 A`.
#[must_use]
pub fn currents(limits: &Limits) -> String {
    if limits.current_min_a <= Limits::WIDE.current_min_a && limits.current_max_a >= Limits::WIDE.current_max_a {
        return "not limited".to_owned();
    }
    format!("{} to {}", current(limits.current_min_a), current(limits.current_max_a))
}

/// Both in a line: `0.000 V to 5.000 V, −10.000 A to +10.000 A`.
#[must_use]
pub fn both(limits: &Limits) -> String {
    if limits.cover(&Limits::WIDE) {
        return "Not limited".to_owned();
    }
    let parts = [("voltage", voltages(limits)), ("current", currents(limits))];
    let part =
        |(word, text): &(&str, String)| if text == "not limited" { format!("{word} {text}") } else { text.clone() };
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// What a unit says an instrument can do; empty when it says nothing.
#[must_use]
pub fn told_limits(limits: &ToldLimits) -> String {
    let part = |low: Option<f64>, high: Option<f64>, word: fn(f64) -> String| match (low, high) {
        (Some(low), Some(high)) => Some(format!("{} to {}", word(low), word(high))),
        (Some(low), None) => Some(format!("from {}", word(low))),
        (None, Some(high)) => Some(format!("up to {}", word(high))),
        (None, None) => None,
    };
    let voltages = part(limits.voltage_min_v, limits.voltage_max_v, voltage);
    let currents = part(limits.current_min_a, limits.current_max_a, current);
    voltages.into_iter().chain(currents).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_as_people_write_them() {
        let limits = Limits { voltage_min_v: 0.0, voltage_max_v: 5.0, current_min_a: -10.0, current_max_a: 10.0 };
        assert_eq!(voltages(&limits), "0.000 V to 5.000 V");
        assert_eq!(currents(&limits), "−10.000 A to +10.000 A");
        assert_eq!((voltages(&Limits::WIDE), currents(&Limits::WIDE)), ("not limited".into(), "not limited".into()));
        assert_eq!(
            (both(&limits).as_str(), both(&Limits::WIDE).as_str()),
            ("0.000 V to 5.000 V, −10.000 A to +10.000 A", "Not limited")
        );
        let told = ToldLimits { voltage_max_v: Some(6.0), current_min_a: Some(-5.0), ..ToldLimits::default() };
        assert_eq!(told_limits(&told), "up to 6.000 V, from −5.000 A");
        assert_eq!(told_limits(&ToldLimits::default()), "");
    }
}
