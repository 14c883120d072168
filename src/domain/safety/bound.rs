//! A bound that a value may reach but not pass: with tolerance, delay and a way back.

/// On which side of the limit a value is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    Below,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Within,
    /// Slightly beyond since a moment of the row clock, s, for so many rows.
    Beyond {
        since_s: f64,
        rows: u32,
    },
    Raised,
}

/// What a value changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is beyond now.
    Raised,
    /// It is back.
    Cleared,
}

/// Rows slightly beyond a limit before it counts …
const BEYOND_ROWS: u32 = 2;
/// … and how long they lie apart, s: the overshoot of a regulator is shorter.
const BEYOND_S: f64 = 1.0;

/// A limit of one quantity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    side: Side,
    /// What may be reached.
    pub(super) limit: f64,
    /// How far beyond a value may be for the uncertainty of the instrument.
    tolerance: f64,
    /// Beyond this, one row is enough.
    gross: f64,
    /// How far within a value must be for the alarm to end.
    back: f64,
    state: State,
}

impl Bound {
    pub(super) fn new(side: Side, limit: f64, tolerance: f64, gross: f64, back: f64) -> Self {
        Self { side, limit, tolerance, gross, back, state: State::Within }
    }

    /// How far a value lies beyond the limit; negative within.
    pub(super) fn excess(&self, value: f64) -> f64 {
        match self.side {
            Side::Above => value - self.limit,
            Side::Below => self.limit - value,
        }
    }

    /// Whether rows between these values change nothing, so that none of them need be looked at.
    pub(super) fn is_quiet(&self, lowest: f64, highest: f64) -> bool {
        let worst = match self.side {
            Side::Above => highest,
            Side::Below => lowest,
        };
        self.state == State::Within && self.excess(worst) <= self.tolerance
    }

    /// Whether a value counts as beyond by itself or together with the one before it, without being followed.
    pub(super) fn is_beyond(&self, value: f64, before: Option<f64>) -> bool {
        let slightly = |value: f64| self.excess(value) > self.tolerance;
        self.excess(value) > self.gross || slightly(value) && before.is_some_and(slightly)
    }

    /// Follows a value measured at a moment of the row clock.
    pub(super) fn follow(&mut self, value: f64, at_s: f64) -> Option<Turn> {
        let excess = self.excess(value);
        match self.state {
            State::Raised if excess <= -self.back => {
                self.state = State::Within;
                return Some(Turn::Cleared);
            }
            State::Raised => return None,
            _ if excess > self.gross => self.state = State::Raised,
            _ if excess <= self.tolerance => self.state = State::Within,
            State::Within => self.state = State::Beyond { since_s: at_s, rows: 1 },
            State::Beyond { since_s, rows } if rows + 1 >= BEYOND_ROWS && at_s - since_s >= BEYOND_S => {
                self.state = State::Raised;
            }
            State::Beyond { since_s, rows } => self.state = State::Beyond { since_s, rows: rows.saturating_add(1) },
        }
        (self.state == State::Raised).then_some(Turn::Raised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 4.2 V, 21 mV of tolerance, 63 mV at once, back within 4.2 V.
    fn voltage() -> Bound {
        Bound::new(Side::Above, 4.2, 0.021, 0.063, 0.0)
    }

    #[test]
    fn a_value_at_the_limit_is_within() {
        let mut bound = voltage();
        for (row, value) in (0..100).zip([4.2, 4.2004, 4.2209].into_iter().cycle()) {
            assert_eq!(bound.follow(value, f64::from(row)), None);
        }
        assert!(bound.is_quiet(0.0, 4.2209) && !bound.is_quiet(0.0, 4.23));
    }

    #[test]
    fn slightly_beyond_counts_when_it_stays() {
        let mut bound = voltage();
        assert_eq!(bound.follow(4.23, 0.0), None);
        assert_eq!(bound.follow(4.2, 0.5), None);
        assert_eq!((bound.follow(4.23, 1.0), bound.follow(4.23, 1.5)), (None, None));
        assert_eq!(bound.follow(4.23, 2.0), Some(Turn::Raised));
        assert_eq!((bound.follow(4.23, 3.0), bound.follow(4.21, 4.0)), (None, None), "told once, and not over yet");
        assert_eq!(bound.follow(4.2, 5.0), Some(Turn::Cleared));
    }

    #[test]
    fn far_beyond_counts_at_once_on_either_side() {
        assert_eq!(voltage().follow(4.27, 0.0), Some(Turn::Raised));
        let mut low = Bound::new(Side::Below, 0.0, 1.0, 5.0, 2.0);
        assert_eq!(low.follow(-5.1, 0.0), Some(Turn::Raised));
        assert_eq!((low.follow(1.9, 1.0), low.follow(2.0, 2.0)), (None, Some(Turn::Cleared)));
    }

    proptest! {
        #[test]
        fn it_is_raised_and_cleared_in_turns(values in proptest::collection::vec(4.1_f64..4.3, 0..200)) {
            let mut bound = voltage();
            let mut is_raised = false;
            for (row, value) in (0_u32..).zip(values) {
                let turn = bound.follow(value, f64::from(row));
                match turn {
                    Some(Turn::Raised) => prop_assert!(!is_raised && value > 4.221),
                    Some(Turn::Cleared) => prop_assert!(is_raised && value <= 4.2),
                    None => prop_assert!(is_raised || value <= 4.2631, "{} was not told", value),
                }
                is_raised = turn.map_or(is_raised, |turn| turn == Turn::Raised);
            }
        }
    }
}
