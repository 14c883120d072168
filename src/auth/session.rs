//! How long a session counts.

use crate::store::sessions::Session;

/// A session not used for this long is over, µs: a lab screen is looked at at least once a shift.
pub const IDLE_US: i64 = 8 * 3_600 * 1_000_000;
/// No session lasts longer than this, µs.
pub const ABSOLUTE_US: i64 = 12 * 3_600 * 1_000_000;
/// How long after somebody gave their password the pages of administrators open without asking again, µs.
pub const CONFIRMED_US: i64 = 30 * 60 * 1_000_000;

/// Whether a session still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It does.
    Good,
    /// It was not used for too long.
    Idle,
    /// It has lasted long enough.
    Old,
}

/// How old a session is at a moment, µs UTC.
#[must_use]
pub fn age(session: &Session, now_us: i64) -> Age {
    if now_us - session.created_at_us >= ABSOLUTE_US {
        Age::Old
    } else if now_us - session.seen_at_us >= IDLE_US {
        Age::Idle
    } else {
        Age::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{SessionId, UserId};
    use crate::domain::user::Role;

    #[test]
    fn a_session_ends_after_a_shift_whether_used_or_not() {
        let session = |created_at_us, seen_at_us| Session {
            session_id: SessionId(1),
            user_id: UserId(1),
            name: "ann".to_owned(),
            full_name: String::new(),
            role: Role::Viewer,
            created_at_us,
            seen_at_us,
            confirmed_at_us: created_at_us,
        };
        assert_eq!(age(&session(0, 0), IDLE_US - 1), Age::Good);
        assert_eq!(age(&session(0, 0), IDLE_US), Age::Idle);
        assert_eq!(age(&session(0, ABSOLUTE_US - 1), ABSOLUTE_US - 1), Age::Good);
        assert_eq!(age(&session(0, ABSOLUTE_US - 1), ABSOLUTE_US), Age::Old);
    }
}
