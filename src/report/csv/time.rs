//! Times as text, made of what they share with the row before: days and seconds change seldom, and a general formatter
//! costs hundreds of nanoseconds a time.

use super::number::{pair, push, signed, unsigned};

const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;
/// Offsets from UTC change on quarters of an hour only.
const QUARTER_S: i64 = 900;

/// How far a zone is from UTC at a moment (s since the epoch), s. Must not change within a quarter of an hour UTC.
pub type OffsetAt = fn(i64) -> i32;

/// How a moment is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    /// `2026-11-21T02:34:18.123456Z`
    Utc,
    /// `2026-11-21T03:34:18.123456+01:00`
    Local(OffsetAt),
    /// `2026-11-21 02:34:18.123456+00:00`, the fraction only where there is one.
    Blank,
}

/// Writes moments of one style.
#[derive(Debug)]
pub(super) struct Moments {
    style: Style,
    /// Second since the epoch that `head` stands for.
    second: Option<i64>,
    /// Quarter of an hour that `offset_s` is of.
    quarter: Option<i64>,
    offset_s: i64,
    /// Day since the epoch that the date in `head` stands for.
    day: Option<i64>,
    /// Date and time of day up to the second.
    head: Text<HEAD_BYTES>,
    /// Length of the date in it, with the letter that follows.
    date_bytes: usize,
    /// What follows the fraction: the zone.
    tail: Text<TAIL_BYTES>,
}

/// Longest date and time of day: a year of twelve digits with its sign.
const HEAD_BYTES: usize = 32;
/// Longest zone: `+01:00`.
const TAIL_BYTES: usize = 8;

/// A short text of at most `N` bytes; what is longer is cut off.
#[derive(Debug)]
struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    fn new(text: &[u8]) -> Self {
        let mut new = Self { bytes: [0; N], length: 0 };
        text.iter().for_each(|byte| new.push(*byte));
        new
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }
}

impl Moments {
    pub(super) fn new(style: Style) -> Self {
        let tail: &[u8] = match style {
            Style::Utc => b"Z",
            Style::Local(_) => b"",
            Style::Blank => b"+00:00",
        };
        Self {
            style,
            second: None,
            quarter: None,
            offset_s: 0,
            day: None,
            head: Text::new(b""),
            date_bytes: 0,
            tail: Text::new(tail),
        }
    }

    /// Writes the moment `at_us` (µs since the epoch, UTC).
    pub(super) fn write(&mut self, out: &mut Vec<u8>, at_us: i64) {
        let second = at_us.div_euclid(SECOND_US);
        if self.second != Some(second) {
            self.set_second(second);
        }
        push(out, &self.head.bytes, self.head.length);
        let micros = at_us.rem_euclid(SECOND_US).unsigned_abs();
        if !matches!(self.style, Style::Blank) || micros > 0 {
            let [a, b] = pair(micros / 10_000);
            let [c, d] = pair(micros / 100);
            let [e, f] = pair(micros);
            out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
        }
        push(out, &self.tail.bytes, self.tail.length);
    }

    fn set_second(&mut self, second: i64) {
        self.second = Some(second);
        if let Style::Local(offset_at) = self.style {
            let quarter = second.div_euclid(QUARTER_S);
            if self.quarter != Some(quarter) {
                self.quarter = Some(quarter);
                self.offset_s = i64::from(offset_at(second));
                self.tail = Text::new(&zone(self.offset_s));
            }
        }
        let local = second + self.offset_s;
        let day = local.div_euclid(DAY_S);
        if self.day != Some(day) {
            self.day = Some(day);
            let mut text = Vec::with_capacity(HEAD_BYTES);
            date(&mut text, day);
            text.push(if matches!(self.style, Style::Blank) { b' ' } else { b'T' });
            self.head = Text::new(&text);
            self.date_bytes = self.head.length;
        }
        let of_day = local.rem_euclid(DAY_S).unsigned_abs();
        self.head.length = self.date_bytes;
        let [a, b] = pair(of_day / 3_600);
        let [c, d] = pair(of_day / 60 % 60);
        let [e, f] = pair(of_day % 60);
        for byte in [a, b, b':', c, d, b':', e, f] {
            self.head.push(byte);
        }
    }
}

/// `+01:00`
fn zone(offset_s: i64) -> [u8; 6] {
    let minutes = offset_s.unsigned_abs() / 60;
    let ([a, b], [c, d]) = (pair(minutes / 60), pair(minutes % 60));
    [if offset_s < 0 { b'-' } else { b'+' }, a, b, b':', c, d]
}

/// A day since the epoch in the Gregorian calendar, `2026-11-21`, by the arithmetic of Hinnant's `civil_from_days`: years
/// begin in March, so that the leap day is the last.
fn date(out: &mut Vec<u8>, day: i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_of_year = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * month_of_year + 2) / 5 + 1;
    let month = if month_of_year < 10 { month_of_year + 3 } else { month_of_year - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if (0..10_000).contains(&year) {
        let year = year.unsigned_abs();
        out.extend_from_slice(&pair(year / 100));
        out.extend_from_slice(&pair(year));
    } else {
        // ISO 8601 writes such years with a sign; no clock of a laboratory gets there.
        out.push(if year < 0 { b'-' } else { b'+' });
        unsigned(out, year.unsigned_abs());
    }
    for part in [month, day_of_month] {
        out.push(b'-');
        if part < 100 { out.extend_from_slice(&pair(part.unsigned_abs())) } else { signed(out, part) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
    use proptest::prelude::*;

    use super::*;

    fn text(moments: &mut Moments, at_us: i64) -> String {
        let mut out = Vec::new();
        moments.write(&mut out, at_us);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_whole_second_of_the_old_style_has_no_fraction() {
        let mut moments = Moments::new(Style::Blank);
        assert_eq!(text(&mut moments, 1_763_690_165_000_000), "2025-11-21 01:56:05+00:00");
        assert_eq!(text(&mut moments, 1_763_690_165_000_250), "2025-11-21 01:56:05.000250+00:00");
    }

    #[test]
    fn the_offset_follows_the_zone() {
        fn summer(second: i64) -> i32 {
            if second < 1_792_890_000 { 7_200 } else { 3_600 }
        }
        let mut moments = Moments::new(Style::Local(summer));
        assert_eq!(text(&mut moments, 1_792_889_999_999_999), "2026-10-25T02:59:59.999999+02:00");
        assert_eq!(text(&mut moments, 1_792_890_000_000_000), "2026-10-25T02:00:00.000000+01:00");
    }

    proptest! {
        #[test]
        fn moments_are_as_everywhere(first in -60_000_000_000_000_000_i64..250_000_000_000_000_000, steps in prop::collection::vec(-100_000_000_000_i64..100_000_000_000, 0..20)) {
            let (mut utc, mut local) = (Moments::new(Style::Utc), Moments::new(Style::Local(|_| -12_600)));
            let zone = FixedOffset::west_opt(12_600).unwrap();
            let mut at_us = first;
            for step in steps.into_iter().chain([1]) {
                let at = DateTime::<Utc>::from_timestamp_micros(at_us).unwrap();
                prop_assert_eq!(text(&mut utc, at_us), at.to_rfc3339_opts(SecondsFormat::Micros, true));
                prop_assert_eq!(text(&mut local, at_us), at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Micros, false));
                at_us += step;
            }
        }
    }
}
