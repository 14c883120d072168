//! Moments and days as pages write them, in the zone of the server.

use chrono::{DateTime, Datelike, Days, Local, LocalResult, NaiveDate, TimeZone, Utc};

/// A moment as people and as programs read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// `21 Nov 02:34`, with the year when it is not this one.
    pub text: String,
    /// RFC 3339, UTC, microseconds.
    pub iso: String,
}

impl Moment {
    /// The moment `at_us` as it reads at `now_us`, both µs UTC.
    #[must_use]
    pub fn new(at_us: i64, now_us: i64) -> Self {
        Self::written(at_us, now_us, "%H:%M")
    }

    /// The same with seconds.
    #[must_use]
    pub fn with_seconds(at_us: i64, now_us: i64) -> Self {
        Self::written(at_us, now_us, "%H:%M:%S")
    }

    fn written(at_us: i64, now_us: i64, clock: &str) -> Self {
        let text = match (local(at_us), local(now_us)) {
            (Some(at), Some(now)) if at.year() == now.year() => at.format(&format!("%-d %b {clock}")).to_string(),
            (Some(at), _) => at.format(&format!("%-d %b %Y {clock}")).to_string(),
            (None, _) => "–".to_owned(),
        };
        Self { text, iso: super::page::iso_time(at_us) }
    }
}

fn local(at_us: i64) -> Option<DateTime<Local>> {
    Some(DateTime::<Utc>::from_timestamp_micros(at_us)?.with_timezone(&Local))
}

/// The day a moment lies in: `2026-11-21`.
#[must_use]
pub fn day(at_us: i64) -> String {
    local(at_us).map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
}

/// Begin and end of a day like `2026-11-21`, µs UTC; `None` when there is no such day.
#[must_use]
pub fn day_bounds_us(day: &str) -> Option<(i64, i64)> {
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    Some((midnight_us(day)?, midnight_us(day.checked_add_days(Days::new(1))?)?))
}

fn midnight_us(day: NaiveDate) -> Option<i64> {
    // Where clocks change at midnight the day begins an hour later.
    let hours = (0..3).filter_map(|hour| day.and_hms_opt(hour, 0, 0));
    let begin = hours.map(|at| Local.from_local_datetime(&at)).find_map(|found| match found {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at),
        LocalResult::None => None,
    })?;
    Some(begin.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_two_ends_and_its_moments_lie_between() {
        let (from_us, to_us) = day_bounds_us("2026-11-21").unwrap();
        assert!((23..=25).contains(&((to_us - from_us) / 3_600_000_000)));
        assert_eq!(
            (day(from_us), day(to_us - 1), day(to_us)),
            ("2026-11-21".into(), "2026-11-21".into(), "2026-11-22".into())
        );
        for wrong in ["", "21.11.2026", "2026-02-30", "2026-11-21T00:00", "999999999-01-01"] {
            assert_eq!(day_bounds_us(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_year_is_written_when_it_is_another() {
        let (now_us, _) = day_bounds_us("2026-11-21").unwrap();
        let (then_us, _) = day_bounds_us("2025-03-01").unwrap();
        assert_eq!(Moment::new(now_us, now_us).text, "21 Nov 00:00");
        assert_eq!(Moment::with_seconds(then_us, now_us).text, "1 Mar 2025 00:00:00");
    }
}
