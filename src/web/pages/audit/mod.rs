//! The audit log: who did what, when, from where and why.

mod difference;
pub mod export;
pub mod list;
pub mod verify;

use serde::{Deserialize, Serialize};

use crate::store::audit::AuditFilter;
use crate::web::forms::{Problems, line};
use crate::web::moment::day_bounds_us;

/// What the address asks for, as it was typed. Empty texts mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Asked {
    #[serde(skip_serializing_if = "String::is_empty")]
    actor: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    action: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    object: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
}

impl Asked {
    /// The filter, and the number before which to begin. What cannot be read is noted and left out.
    fn filter(&self) -> (AuditFilter, i64, Problems) {
        let mut problems = Problems::default();
        let mut day = |field, typed: &str, or| match (typed.is_empty(), day_bounds_us(typed)) {
            (true, _) => or,
            (false, Some(bounds)) => bounds,
            (false, None) => {
                problems.add(field, format!("“{}” is not a day. Enter one like 2026-11-21.", line(typed)));
                or
            }
        };
        let (from_us, _) = day("from", self.from.trim(), (i64::MIN, 0));
        let (_, to_us) = day("to", self.to.trim(), (0, i64::MAX));
        if problems.is_empty() && from_us >= to_us {
            problems.add("to", "The last day is before the first. Enter the same day or a later one.");
        }
        let before = match self.before.trim() {
            "" => i64::MAX,
            number => number.parse().unwrap_or_else(|_| {
                problems
                    .add("before", "The address of this page is damaged: “before” is a number. Begin at the newest.");
                i64::MAX
            }),
        };
        let text = |typed: &str| line(typed);
        let filter = AuditFilter {
            actor: text(&self.actor),
            action: text(&self.action),
            object: text(&self.object),
            from_us,
            to_us,
        };
        (filter, before, problems)
    }

    /// Whether all entries are asked for.
    fn is_everything(&self) -> bool {
        Self { before: String::new(), ..self.clone() } == Self::default()
    }

    /// The query of a page with the same filters that begins before a number; empty for the newest of everything.
    fn query(&self, before: Option<i64>) -> String {
        let before = before.map(|number| number.to_string()).unwrap_or_default();
        let query = serde_urlencoded::to_string(Self { before, ..self.clone() }).unwrap_or_default();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_stay_in_the_address() {
        let asked = Asked { actor: "m.okafor".into(), object: "user a&b".into(), ..Asked::default() };
        assert_eq!(asked.query(Some(51)), "?actor=m.okafor&object=user+a%26b&before=51");
        assert_eq!(Asked { before: "7".into(), ..asked }.query(None), "?actor=m.okafor&object=user+a%26b");
        assert_eq!(Asked::default().query(None), "");
        assert!(Asked { before: "7".into(), ..Asked::default() }.is_everything());
    }

    #[test]
    fn a_day_that_is_none_is_told_and_not_guessed() {
        let asked = |from: &str, to: &str| Asked { from: from.into(), to: to.into(), ..Asked::default() }.filter();
        let (filter, _, problems) = asked("2026-11-20", "2026-11-20");
        assert!(problems.is_empty() && filter.from_us < filter.to_us);
        assert!(asked("yesterday", "").2.of("from").is_some_and(|said| said.contains("yesterday")));
        assert!(asked("", "2026-13-01").2.of("to").is_some());
        assert!(asked("2026-11-21", "2026-11-20").2.of("to").is_some_and(|said| said.contains("before the first")));
    }
}
