//! Browsers, moments and waits in words.

use chrono::{DateTime, Datelike, Local, Utc};

/// Browsers by what they call themselves; those that also name another one come first.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrom", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari/", "Safari"),
];
/// Systems likewise.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// `Firefox on Linux`, from what a browser calls itself.
#[must_use]
pub fn browser_words(agent: &str) -> String {
    let named =
        |list: &[(&str, &'static str)]| list.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name);
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) => name.to_owned(),
        (None, Some(system)) => format!("A program on {system}"),
        (None, None) => "Another program".to_owned(),
    }
}

/// A moment on the server's wall clock: `21 Nov 02:34`, with the year when it is not this one.
#[must_use]
pub fn moment(at_us: i64, now_us: i64) -> String {
    let local = |us| DateTime::<Utc>::from_timestamp_micros(us).unwrap_or_default().with_timezone(&Local);
    let (at, now) = (local(at_us), local(now_us));
    at.format(if at.year() == now.year() { "%-d %b %H:%M" } else { "%-d %b %Y %H:%M" }).to_string()
}

/// A wait: `40 s`, `4 min 16 s`.
#[must_use]
pub fn duration_words(seconds: u32) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart() {
        for (agent, words) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "Another program"),
            ("", "Another program"),
        ] {
            assert_eq!(browser_words(agent), words, "{agent}");
        }
    }

    #[test]
    fn a_wait_is_short_to_read() {
        for (seconds, words) in [(1, "1 s"), (59, "59 s"), (60, "1 min"), (256, "4 min 16 s")] {
            assert_eq!(duration_words(seconds), words);
        }
    }

    #[test]
    fn a_moment_of_another_year_says_so() {
        let year_us = 365 * 86_400 * 1_000_000;
        assert!(!moment(10 * year_us, 10 * year_us).contains("19"));
        assert!(moment(10 * year_us, 12 * year_us).contains("1979"), "{}", moment(10 * year_us, 12 * year_us));
    }
}
