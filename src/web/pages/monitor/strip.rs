//! The steps of a profile as a strip: what is done, what is now, what comes.

use super::line::Line;

/// More steps than this do not fit as segments of a strip.
const STRIP_STEPS_MAX: usize = 60;

/// A step of the strip over the readouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Number from 1.
    pub number: usize,
    /// Two or three words: “CC −5.00 A”.
    pub short: String,
    /// `done`, `now` or `next`.
    pub place: &'static str,
}

impl Line {
    /// The steps of the profile as a strip; empty when there are too many to tell apart.
    #[must_use]
    pub fn strip(&self) -> Vec<Segment> {
        let Some(now) = self.step().filter(|_| self.step_count() <= STRIP_STEPS_MAX) else { return Vec::new() };
        (1..)
            .zip(self.steps())
            .map(|(number, step)| Segment {
                number,
                short: step.short(),
                place: match number.cmp(&now) {
                    std::cmp::Ordering::Less => "done",
                    std::cmp::Ordering::Equal => "now",
                    std::cmp::Ordering::Greater => "next",
                },
            })
            .collect()
    }
}
