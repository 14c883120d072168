//! Which rows are new: told by their numbers, because clocks of devices may say anything.

use std::collections::VecDeque;

use crate::domain::sample::Batch;

/// Rows this much older than the newest one are history, s and µs.
const BACKFILL_S: f64 = 60.0;
const BACKFILL_US: i64 = 60_000_000;
/// Starts of a device that are remembered: rows of an earlier one are history.
const BOOTS_MAX: usize = 16;

/// How a batch lies to what was heard before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// It continues.
    Live,
    /// Older than the newest, but of the same minute: out of order, or sent twice.
    Unordered,
    /// Delivered long after it was measured, behind newer rows.
    Backfill,
}

/// What was heard so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Order {
    boot: Option<u32>,
    earlier: VecDeque<u32>,
    newest_seq: i64,
    newest_at_us: i64,
}

impl Order {
    /// Finds the place of a batch and remembers it.
    pub(super) fn place(&mut self, batch: &Batch, period_s: f64) -> Age {
        let last_at_us = batch.times_us.last().copied().unwrap_or(0);
        if self.boot != Some(batch.boot) {
            if self.earlier.contains(&batch.boot) {
                return Age::Backfill;
            }
            if let Some(before) = self.boot.replace(batch.boot) {
                if self.earlier.len() == BOOTS_MAX {
                    self.earlier.pop_front();
                }
                self.earlier.push_back(before);
            }
            (self.newest_seq, self.newest_at_us) = (batch.last_seq(), last_at_us);
            return Age::Live;
        }
        if batch.last_seq() > self.newest_seq {
            (self.newest_seq, self.newest_at_us) = (batch.last_seq(), last_at_us);
            return Age::Live;
        }
        #[expect(clippy::cast_precision_loss, reason = "a difference of rows")]
        let rows_behind = self.newest_seq.saturating_sub(batch.last_seq()) as f64;
        let is_old = self.newest_at_us.saturating_sub(last_at_us) > BACKFILL_US || rows_behind * period_s > BACKFILL_S;
        if is_old { Age::Backfill } else { Age::Unordered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ExperimentId;
    use crate::domain::sample::{Subject, TimeBase};

    fn place(order: &mut Order, boot: u32, seq: i64, at_s: i64) -> Age {
        let batch = Batch {
            boot,
            seq,
            subject: Subject::Experiment(ExperimentId(1)),
            base: TimeBase::Utc,
            times_us: vec![at_s * 1_000_000],
            columns: vec![],
        };
        order.place(&batch, 1.0)
    }

    #[test]
    fn numbers_decide_and_clocks_do_not() {
        let mut order = Order::default();
        assert_eq!(place(&mut order, 1, 100, 1_000), Age::Live);
        // The clock was set back by an hour: it is still the next row.
        assert_eq!(place(&mut order, 1, 101, -2_600), Age::Live);
        assert_eq!(place(&mut order, 1, 102, 4_000_000_000), Age::Live);
        assert_eq!(place(&mut order, 1, 99, 4_000_000_000), Age::Unordered);
        assert_eq!(place(&mut order, 1, 30, 4_000_000_000), Age::Backfill);
        assert_eq!(place(&mut order, 1, 101, 3_999_999_000), Age::Backfill);
    }

    #[test]
    fn rows_of_an_earlier_start_are_history() {
        let mut order = Order::default();
        assert_eq!(place(&mut order, 7, 500, 0), Age::Live);
        assert_eq!(place(&mut order, 8, 0, 0), Age::Live);
        assert_eq!(place(&mut order, 7, 501, 100), Age::Backfill);
        assert_eq!(place(&mut order, 8, 1, 1), Age::Live);
        for boot in 9..100 {
            assert_eq!(place(&mut order, boot, 0, 0), Age::Live);
        }
        assert!(order.earlier.len() <= BOOTS_MAX);
    }
}
