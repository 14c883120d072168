//! Times as programs write them.

const SECOND_US: i64 = 1_000_000;

/// A moment like `2026-11-21T02:34:18.123456Z`, `2026-11-21 02:34:18`, `…+01:00`, µs UTC, and whether it names a zone;
/// without one it is taken as UTC. Digits beyond microseconds are dropped.
#[must_use]
pub(super) fn moment_us(text: &str) -> Option<(i64, bool)> {
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| -> Option<i64> {
        let part = bytes.get(from..from + count)?;
        part.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
    };
    let is = |at: usize, expected: &[u8]| bytes.get(at).is_some_and(|byte| expected.contains(byte));
    if !(is(4, b"-/") && is(7, b"-/") && is(10, b"T ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut at = 19;
    let mut micros = 0;
    if is(at, b".,") {
        at += 1;
        let fraction = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if fraction == 0 {
            return None;
        }
        for place in 0..6 {
            micros = micros * 10 + if place < fraction { digits(at + place, 1)? } else { 0 };
        }
        at += fraction;
    }
    let (offset_s, has_zone) = match bytes.get(at..)? {
        [] => (0, false),
        b"Z" | b"z" => (0, true),
        [sign @ (b'+' | b'-'), ..] => {
            let hours = digits(at + 1, 2)?;
            let after = at + 3;
            let (minutes, end) = match bytes.get(after) {
                None => (0, after),
                Some(b':') => (digits(after + 1, 2)?, after + 3),
                Some(_) => (digits(after, 2)?, after + 2),
            };
            if end != bytes.len() || hours > 23 || minutes > 59 {
                return None;
            }
            let offset_s = hours * 3_600 + minutes * 60;
            (if *sign == b'-' { -offset_s } else { offset_s }, true)
        }
        _ => return None,
    };
    // Days since 1970 in the Gregorian calendar; years begin in March (Hinnant's `days_from_civil`).
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset_s;
    Some((seconds * SECOND_US + micros, has_zone))
}

/// A number of seconds (or thousandths of them) as µs, by its digits: `1795240800.123456` is exact.
#[must_use]
pub(super) fn duration_us(text: &str, per_unit_us: i64) -> Option<i64> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole) || !is_plain(fraction) || whole.is_empty() && fraction.is_empty() || whole.len() > 18 {
        // With an exponent it is a float: good to the microsecond for a year.
        return float_us(text, per_unit_us);
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut micros = whole.checked_mul(per_unit_us)?;
    let mut place = per_unit_us;
    let mut digits = fraction.bytes();
    for digit in digits.by_ref() {
        if place == 1 {
            micros += i64::from(digit >= b'5');
            break;
        }
        place /= 10;
        micros = micros.checked_add(i64::from(digit - b'0') * place)?;
    }
    Some(sign * micros)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "checked before")]
fn float_us(text: &str, per_unit_us: i64) -> Option<i64> {
    let micros = text.parse::<f64>().ok()? * per_unit_us as f64;
    (micros.abs() < 9e18).then(|| micros.round() as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_of_every_program_are_read() {
        for (text, at_us, has_zone) in [
            ("2026-11-21T06:00:00.000000Z", 1_795_240_800_000_000, true),
            ("2026-11-21 07:00:00.5+01:00", 1_795_240_800_500_000, true),
            ("2026-11-21 06:00:00", 1_795_240_800_000_000, false),
            ("2026/11/21 06:00:00,25", 1_795_240_800_250_000, false),
            ("2026-11-21 06:00:00.123456789+0000", 1_795_240_800_123_456, true),
            ("2024-02-29T00:00:00-05", 1_709_182_800_000_000, true),
            ("1969-12-31 23:59:59.999999", -1, false),
        ] {
            assert_eq!(moment_us(text), Some((at_us, has_zone)), "{text}");
        }
        for wrong in [
            "",
            "2026-11-21",
            "21.11.2026 06:00:00",
            "2026-02-29 00:00:00",
            "2026-11-21T06:00:00.Z",
            "2026-11-21T24:00:00",
            "2026-11-21 06:00:00+1",
            "2026-11-21 06:00:00 x",
            "äääääääääääääääää",
        ] {
            assert_eq!(moment_us(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn seconds_are_read_by_their_digits() {
        for (text, us) in [
            ("1795240800.123456", 1_795_240_800_123_456),
            ("0.1", 100_000),
            ("-0.5", -500_000),
            ("12", 12_000_000),
            (".5", 500_000),
            ("0.0000005", 1),
            ("1e3", 1_000_000_000),
        ] {
            assert_eq!(duration_us(text, SECOND_US), Some(us), "{text}");
        }
        assert_eq!(duration_us("1500.25", 1_000), Some(1_500_250));
        for wrong in ["", "-", ".", "x", "1,5", "nan", "inf", "99999999999999999999"] {
            assert_eq!(duration_us(wrong, SECOND_US), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,40}", per in prop::sample::select(vec![1_000_i64, SECOND_US])) {
            let _ = moment_us(&text);
            let _ = duration_us(&text, per);
        }

        #[test]
        fn a_moment_is_read_back(at_us in 0_i64..4_000_000_000_000_000) {
            let text = chrono::DateTime::from_timestamp_micros(at_us).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            prop_assert_eq!(moment_us(&text), Some((at_us, true)));
        }
    }
}
