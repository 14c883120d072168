//! Values of steps as people type them, with or without a unit, and as they are written back.

use super::program::{Rate, TIMES_MAX};
use crate::domain::number;

/// Largest current, A: larger than any cycler's.
pub const CURRENT_MAX_A: f64 = 1e5;
/// Largest C-rate; pulses of supercapacitors stay below.
pub const RATE_MAX_C: f64 = 1e3;
/// Largest voltage, V.
pub const VOLTAGE_MAX_V: f64 = 1e5;
/// Largest power, W.
pub const POWER_MAX_W: f64 = 1e9;
/// Largest charge, Ah.
pub const CAPACITY_MAX_AH: f64 = 1e7;
/// Longest time, s: ten years.
pub const TIME_MAX_S: f64 = 10.0 * 366.0 * 86_400.0;

/// Longest text quoted back, in characters.
const QUOTED_MAX: usize = 30;

/// A text as it is quoted in a message.
pub(super) fn quoted(text: &str) -> String {
    let text = text.trim();
    let short: String = text.chars().take(QUOTED_MAX).collect();
    if short.len() < text.len() { format!("“{short}…”") } else { format!("“{short}”") }
}

/// A number followed by one of these units, each with its factor; the bare number has the first unit.
fn with_unit(typed: &str, what: &str, example: &str, units: &[(&str, f64)]) -> Result<f64, String> {
    let typed = typed.trim();
    let number_end = typed.rfind(|letter: char| letter.is_ascii_digit() || letter == '.').map_or(0, |last| last + 1);
    let (number, unit) = typed.split_at(number_end);
    let unit = unit.trim();
    if number.is_empty() {
        return Err(format!("{} is not {what}. Write {example}.", quoted(typed)));
    }
    let known = units.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name));
    let factor = if unit.is_empty() { units.first() } else { known }.map(|(_, factor)| *factor);
    let Some(factor) = factor else {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        return Err(format!("{} is no unit of {what}. Use {}.", quoted(unit), names.join(", ")));
    };
    let number = without_underscores(number);
    if number.contains(|letter: char| letter.is_ascii_whitespace()) {
        return Err(format!("{} is not {what}: there is a blank in it. Write {example}.", quoted(typed)));
    }
    let value = number::typed(&number).map_err(|error| match error {
        number::BadNumber::Ambiguous { .. } | number::BadNumber::TooLarge(_) => error.to_string(),
        _ => format!("{} is not {what}. Write {example}.", quoted(typed)),
    })?;
    // Zero without a sign: −0 A is nothing else than 0 A.
    Ok(value * factor + 0.0)
}

/// Python's `1_0`, which the as-built application takes for 10.
fn without_underscores(number: &str) -> String {
    let bytes = number.as_bytes();
    let digit = |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
    number
        .char_indices()
        .filter(|(at, letter)| !(*letter == '_' && digit(at.checked_sub(1)) && digit(Some(at + 1))))
        .map(|(_, letter)| letter)
        .collect()
}

/// A current: `1.5`, `1.5 A`, `500 mA`, `0.5C`, `C/2`, `-C/10`.
///
/// # Errors
/// In words, with a remedy.
pub fn current(typed: &str) -> Result<Rate, String> {
    const EXAMPLE: &str = "amperes like 1.5, below zero to discharge, or a C-rate like 0.5C or C/20";
    let plain: String = typed.trim().chars().map(|letter| if letter == '\u{2212}' { '-' } else { letter }).collect();
    let (sign, unsigned) = match plain.strip_prefix('-') {
        Some(rest) => (-1.0, rest.trim_start()),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain).trim_start()),
    };
    let after_c = unsigned.strip_prefix(['C', 'c']).map(str::trim_start);
    if let Some(divisor) = after_c.and_then(|rest| rest.strip_prefix('/')) {
        let divisor = number::typed(divisor).ok().filter(|divisor| *divisor > 0.0);
        let divisor = divisor.ok_or_else(|| format!("{} is not a C-rate. Write it like C/20.", quoted(typed)))?;
        return rate_in_range(sign / divisor, typed);
    }
    let is_rate = plain.ends_with(['C', 'c']);
    if is_rate {
        return rate_in_range(with_unit(&plain, "a current", EXAMPLE, &[("C", 1.0)])?, typed);
    }
    let amperes = with_unit(&plain, "a current", EXAMPLE, &[("A", 1.0), ("mA", 1e-3), ("µA", 1e-6), ("uA", 1e-6)])?;
    within(amperes, CURRENT_MAX_A, "A", typed).map(Rate::A)
}

fn rate_in_range(rate: f64, typed: &str) -> Result<Rate, String> {
    within(rate, RATE_MAX_C, "C", typed).map(Rate::C)
}

/// A voltage, V: `4.2`, `4.2 V`, `4200 mV`.
///
/// # Errors
/// In words, with a remedy.
pub fn voltage_v(typed: &str) -> Result<f64, String> {
    let volts = with_unit(typed, "a voltage", "volts like 4.2", &[("V", 1.0), ("mV", 1e-3)])?;
    within(volts, VOLTAGE_MAX_V, "V", typed)
}

/// A power, W: `10`, `10 W`, `500 mW`, `1 kW`.
///
/// # Errors
/// In words, with a remedy.
pub fn power_w(typed: &str) -> Result<f64, String> {
    let units = [("W", 1.0), ("mW", 1e-3), ("kW", 1e3)];
    within(with_unit(typed, "a power", "watts like 10, below zero to discharge", &units)?, POWER_MAX_W, "W", typed)
}

/// A charge, Ah: `2.5`, `2.5 Ah`, `500 mAh`; its sign does not matter.
///
/// # Errors
/// In words, with a remedy.
pub fn capacity_ah(typed: &str) -> Result<f64, String> {
    let units = [("Ah", 1.0), ("mAh", 1e-3)];
    within(with_unit(typed, "a charge", "ampere-hours like 2.5", &units)?.abs(), CAPACITY_MAX_AH, "Ah", typed)
}

/// A time, s: `90`, `90 s`, `1.5 min`, `2 h`, `1 d`.
///
/// # Errors
/// In words, with a remedy.
pub fn time_s(typed: &str) -> Result<f64, String> {
    let units = [("s", 1.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0), ("ms", 1e-3)];
    let seconds = with_unit(typed, "a time", "seconds like 90, or with a unit like 2 h", &units)?;
    if seconds > TIME_MAX_S {
        return Err(format!("{} is longer than ten years. Give a shorter time.", quoted(typed)));
    }
    Ok(seconds)
}

/// A whole number from 1.
///
/// # Errors
/// In words, with a remedy.
pub fn count(typed: &str, what: &str) -> Result<u32, String> {
    let wrong = || format!("{} is not {what}. Write a whole number from 1 to {TIMES_MAX}.", quoted(typed));
    let number = number::typed(&without_underscores(typed.trim())).map_err(|_| wrong())?;
    if number.fract() != 0.0 || !(1.0..=f64::from(TIMES_MAX)).contains(&number) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and from 1 to 1,000,000")]
    Ok(number as u32)
}

fn within(value: f64, most: f64, unit: &str, typed: &str) -> Result<f64, String> {
    if value.abs() > most {
        return Err(format!("{} is beyond any instrument. Stay within {most} {unit}.", quoted(typed)));
    }
    Ok(value)
}

/// Shortest decimals a rate is written with; others may read better as a fraction.
const RATE_DIGITS_MAX: usize = 6;
/// Largest divisor of a C-rate written as a fraction.
const DIVISOR_MAX: u32 = 1_000;

/// A current as it is read back: `1.5`, `0.5C`, `C/3`.
#[must_use]
pub fn current_text(current: Rate) -> String {
    match current {
        Rate::A(amperes) => amperes.to_string(),
        Rate::C(rate) => rate_text(rate),
    }
}

/// A C-rate as it is read back: `0.5C`, `C/3`.
#[must_use]
pub fn rate_text(rate: f64) -> String {
    let decimal = format!("{rate}C");
    if decimal.len() <= RATE_DIGITS_MAX {
        return decimal;
    }
    let sign = if rate < 0.0 { "-" } else { "" };
    let divisor = (2..=DIVISOR_MAX).find(|divisor| 1.0 / f64::from(*divisor) == rate.abs());
    divisor.map_or(decimal, |divisor| format!("{sign}C/{divisor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currents_are_amperes_or_c_rates() {
        for (typed, expected) in [
            ("1", Rate::A(1.0)),
            ("1e0", Rate::A(1.0)),
            ("1_0", Rate::A(10.0)),
            ("−1.5", Rate::A(-1.5)),
            ("2,5 A", Rate::A(2.5)),
            ("500mA", Rate::A(0.5)),
            ("-0", Rate::A(0.0)),
            ("0.5C", Rate::C(0.5)),
            ("C/2", Rate::C(0.5)),
            ("-c/4", Rate::C(-0.25)),
            ("−2 C", Rate::C(-2.0)),
        ] {
            assert_eq!(current(typed), Ok(expected), "{typed}");
        }
        for typed in ["", "x", "nan", "inf", "-inf", "1 V", "C", "C/0", "C/-2", "C/x", "1 0", "1__0", "1e9", "2000C"] {
            assert!(current(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn units_scale_what_is_typed() {
        assert_eq!(time_s("2.5 h"), Ok(9_000.0));
        assert_eq!(time_s("100000"), Ok(100_000.0));
        assert_eq!(voltage_v("4200 mV"), Ok(4.2));
        assert_eq!(power_w("1kW"), Ok(1000.0));
        assert_eq!(capacity_ah("-500 mAh"), Ok(0.5));
        assert_eq!(count("10", "a number"), Ok(10));
        assert!(count("0", "a number").is_err() && count("1.5", "a number").is_err());
        assert!(time_s("4e8").unwrap_err().contains("ten years"));
        assert!(voltage_v("4.2 A").unwrap_err().contains("V, mV"));
    }

    #[test]
    fn what_could_be_two_numbers_is_read_back() {
        assert!(voltage_v("1.234,5").unwrap_err().contains("1234.5"));
    }

    proptest::proptest! {
        #[test]
        fn a_written_current_is_read_back(value in -1e3_f64..1e3, divisor in 1_u32..1000, is_rate: bool, is_part: bool) {
            let value = if is_part { 1.0 / f64::from(divisor) } else { value };
            let current_in = if is_rate { Rate::C(value) } else { Rate::A(value) };
            proptest::prop_assert_eq!(current(&current_text(current_in)), Ok(current_in));
        }
    }
}
