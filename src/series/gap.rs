//! When a pause between rows is a gap.

/// A pause longer than this many times the usual distance between rows is a gap.
const GAP_FACTOR: i64 = 10;
/// Pauses shorter than this are never called a gap: devices send in batches.
pub(super) const GAP_MIN_US: i64 = 2_000_000;
/// Distances looked at: the median of a sample is as good as that of all, and does not grow with the window.
const STEPS_MAX: usize = 1_000;

/// The longest pause that is no gap, given the distances between neighbours, µs.
pub(super) fn longest_us(steps: impl ExactSizeIterator<Item = i64>) -> i64 {
    let stride = (steps.len() / STEPS_MAX).max(1);
    let mut sample: Vec<i64> = steps.step_by(stride).collect();
    if sample.is_empty() {
        return GAP_MIN_US;
    }
    let middle = sample.len() / 2;
    let median = *sample.select_nth_unstable(middle).1;
    median.saturating_mul(GAP_FACTOR).max(GAP_MIN_US)
}
