//! How much of the past the chart shows.

/// The choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Window {
    /// 30 seconds.
    Sec30,
    /// 1 minute.
    Min1,
    /// 5 minutes.
    #[default]
    Min5,
    /// 15 minutes.
    Min15,
    /// 1 hour.
    Hour1,
    /// 4 hours.
    Hour4,
    /// 24 hours.
    Day1,
    /// From the first sample on.
    All,
}

impl Window {
    /// All choices with their word in the address, their label and their length in seconds.
    pub const ALL: [(Self, &'static str, &'static str, Option<i64>); 8] = [
        (Self::Sec30, "30s", "30 s", Some(30)),
        (Self::Min1, "1m", "1 min", Some(60)),
        (Self::Min5, "5m", "5 min", Some(300)),
        (Self::Min15, "15m", "15 min", Some(900)),
        (Self::Hour1, "60m", "1 h", Some(3_600)),
        (Self::Hour4, "4h", "4 h", Some(14_400)),
        (Self::Day1, "24h", "24 h", Some(86_400)),
        (Self::All, "all", "All", None),
    ];

    fn row(self) -> (Self, &'static str, &'static str, Option<i64>) {
        *Self::ALL.iter().find(|(window, ..)| *window == self).unwrap_or(&Self::ALL[2])
    }

    /// The word in the address.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// Its length, µs; `None` for everything.
    #[must_use]
    pub fn length_us(self) -> Option<i64> {
        self.row().3.map(|seconds| seconds * 1_000_000)
    }

    /// The window of a word; `None` for an unknown one.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, ..)| *known == word).map(|(window, ..)| *window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_survives_the_address() {
        for (window, word, ..) in Window::ALL {
            assert_eq!((Window::from_word(word), window.word()), (Some(window), word));
        }
        assert_eq!(Window::from_word("7y"), None);
        assert_eq!(Window::default().length_us(), Some(300_000_000));
    }
}
