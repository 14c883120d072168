//! Denials worth an entry in the audit log: the first of each kind in a while, so that nobody can fill it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The same person refused the same thing is noted once in this time, µs.
const PERIOD_US: i64 = 10 * 60 * 1_000_000;
/// Most kinds remembered; beyond it the next denials are only counted by the server's log.
const KINDS_MAX: usize = 1_000;

/// What was refused lately.
#[derive(Debug, Default)]
pub struct Denials {
    noted: Mutex<HashMap<(String, String), i64>>,
}

impl Denials {
    /// Whether this denial is the first of its kind in a while.
    pub fn is_worth_noting(&self, route: &str, who: &str, now_us: i64) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|_, at_us| now_us - *at_us < PERIOD_US);
        let kind = (route.to_owned(), who.to_owned());
        if noted.len() >= KINDS_MAX || noted.contains_key(&kind) {
            return false;
        }
        noted.insert(kind, now_us);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_denial_is_noted_once_in_a_while() {
        let denials = Denials::default();
        assert!(denials.is_worth_noting("POST /users", "ann", 0));
        assert!(!denials.is_worth_noting("POST /users", "ann", 1));
        assert!(denials.is_worth_noting("POST /users", "bob", 1));
        assert!(denials.is_worth_noting("POST /users", "ann", PERIOD_US));
    }
}
