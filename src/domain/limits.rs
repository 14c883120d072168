//! The electrical window of a battery or a station.

/// What may be applied: volts, and amperes of which positive ones charge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Lowest voltage, V.
    pub voltage_min_v: f64,
    /// Highest voltage, V.
    pub voltage_max_v: f64,
    /// Largest discharge current, A; zero or negative.
    pub current_min_a: f64,
    /// Largest charge current, A; zero or positive.
    pub current_max_a: f64,
}

impl Limits {
    /// Wide open: of a station for which nobody has said any.
    pub const WIDE: Self =
        Self { voltage_min_v: -1_000.0, voltage_max_v: 1_000.0, current_min_a: -1_000.0, current_max_a: 1_000.0 };

    /// Whether everything that `other` allows is allowed here too.
    #[must_use]
    pub fn cover(&self, other: &Self) -> bool {
        self.both(other) == *other
    }

    /// What both allow; empty, with a lowest voltage above the highest, when nothing fits both.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        Self {
            voltage_min_v: self.voltage_min_v.max(other.voltage_min_v),
            voltage_max_v: self.voltage_max_v.min(other.voltage_max_v),
            current_min_a: self.current_min_a.max(other.current_min_a),
            current_max_a: self.current_max_a.min(other.current_max_a),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_cover_what_lies_within() {
        let cell = Limits { voltage_min_v: 2.5, voltage_max_v: 4.2, current_min_a: -10.0, current_max_a: 5.0 };
        assert!(Limits::WIDE.cover(&cell) && cell.cover(&cell));
        assert!(!Limits { current_min_a: -9.9, ..Limits::WIDE }.cover(&cell));
        assert!(!Limits { voltage_max_v: 4.1, ..Limits::WIDE }.cover(&cell));
    }

    #[test]
    fn the_narrower_side_counts() {
        let cell = Limits { voltage_min_v: 2.5, voltage_max_v: 4.2, current_min_a: -10.0, current_max_a: 5.0 };
        let station = Limits { voltage_min_v: 0.0, voltage_max_v: 5.0, current_min_a: -6.0, current_max_a: 6.0 };
        let both = Limits { voltage_min_v: 2.5, voltage_max_v: 4.2, current_min_a: -6.0, current_max_a: 5.0 };
        assert_eq!(cell.both(&station), both);
        assert_eq!(station.both(&cell), both);
    }
}
