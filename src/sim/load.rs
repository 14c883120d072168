//! Devices that send cheap rows: as many as asked for, well behaved or clumsily.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::device::{Feed, wait_for_shutdown};
use super::journal::JournalError;
use super::plan::LoadPlan;
use crate::domain::sample::{Batch, Column, Subject, TimeBase};

/// Rows of a full message: 3 kB, the size the server's figures are given for.
pub const BATCH_ROWS: usize = 50;
/// Longest time a row waits for its message at low rates.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// How often rows that are due are made; a fifth of the time a person notices.
const TICK: Duration = Duration::from_millis(20);
/// The same of devices that measure rarely: a part of their period, at most this. Ten thousand that wake up fifty times a
/// second would leave the server no processor.
const TICK_MAX: Duration = Duration::from_secs(1);
/// Which part of the period of the rows.
const TICK_PART: f64 = 0.2;
/// Most messages made at once: a device that fell behind catches up in pieces, and stops when told to.
const BURST_MAX: usize = 64;
/// Distance of rows made without a rate, µs.
const FREE_PERIOD_US: f64 = 1000.0;

/// Steps after which a value starts over; a prime, so that no pattern fits a message.
const PATTERN: i64 = 997;

/// Name, smallest value in units of the last digit, and how many of these units are one.
const COLUMNS: [(&str, i64, f64); 9] = [
    ("voltage_v", 36_500, 1e4),
    ("current_a", -50_000, 1e4),
    ("power_w", -18_500, 1e3),
    ("capacity_ah", -12_000, 1e4),
    ("energy_wh", -44_000, 1e4),
    ("temperature_c", 2_200, 1e2),
    ("temperature_2_c", 2_300, 1e2),
    ("ambient_c", 2_100, 1e2),
    ("pressure_kpa", 10_130, 1e2),
];

/// The rows of a device whose values follow from seed and row number alone.
#[derive(Debug, Clone)]
pub struct Rows {
    subject: Subject,
    seed: u64,
    period_us: f64,
    start_us: i64,
}

impl Rows {
    /// Rows of a subject from `start_us` on, `period_us` apart.
    #[must_use]
    pub fn new(subject: Subject, seed: u64, period_us: f64, start_us: i64) -> Self {
        Self { subject, seed, period_us, start_us }
    }

    /// Rows `seq..seq + rows` of a boot. Now and then a value is missing. No more is computed than it takes to tell any
    /// two rows apart: whoever makes the load runs beside the server that has to bear it.
    #[must_use]
    pub fn batch(&self, boot: u32, seq: i64, rows: usize) -> Batch {
        let numbers = || (seq..).take(rows);
        let mut random = fastrand::Rng::with_seed(self.seed ^ seq.cast_unsigned());
        let rows_u32 = u32::try_from(rows).unwrap_or(u32::MAX).max(1);
        let columns = COLUMNS.iter().map(|(name, lowest, scale)| {
            let (start, pace) = (random.i64(..PATTERN), random.i64(1..PATTERN));
            let value = |row: i64| (lowest + (start + row % PATTERN * pace) % PATTERN) as f64 / scale;
            let nulls = (random.u8(..) < 64).then(|| random.u32(..rows_u32));
            Column {
                name: (*name).to_owned(),
                values: numbers().map(value).collect(),
                nulls: nulls.into_iter().collect(),
            }
        });
        #[expect(clippy::cast_possible_truncation, reason = "centuries of microseconds fit")]
        let at_us = |row: i64| self.start_us + (row as f64 * self.period_us) as i64;
        Batch {
            boot,
            seq,
            subject: self.subject,
            base: TimeBase::Utc,
            columns: columns.collect(),
            times_us: numbers().map(at_us).collect(),
        }
    }
}

/// Makes rows at the rate of the plan until the feed says stop; `deliver` puts them into the outbox
/// and is told whether they are the last.
pub(super) async fn measure(
    mut feed: Feed,
    plan: LoadPlan,
    mut deliver: impl FnMut(&mut Feed, Vec<Batch>, bool),
) -> Result<Feed, JournalError> {
    let is_free = plan.rows_per_s <= 0.0;
    let period_us = if is_free { FREE_PERIOD_US } else { 1e6 / plan.rows_per_s };
    let mut rows = Rows::new(plan.subject, plan.seed, period_us, feed.clock.now_us());
    let mut boot = feed.boot();
    let began = Instant::now();
    let mut made = 0_usize;
    let tick = match is_free {
        true => TICK,
        false => Duration::from_secs_f64((TICK_PART / plan.rows_per_s).min(TICK_MAX.as_secs_f64())).max(TICK),
    };
    let mut ticks = tokio::time::interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let goes_on = tokio::select! {
            biased;
            () = wait_for_shutdown(&mut feed.shutdown) => false,
            () = std::future::ready(()), if is_free => feed.has_room().await,
            _ = ticks.tick() => feed.has_room().await,
        };
        if boot != feed.boot() {
            boot = feed.boot();
            rows = Rows::new(plan.subject, plan.seed ^ u64::from(boot), period_us, feed.clock.now_us());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates and times are not negative")]
        let due = match is_free {
            true => BURST_MAX * BATCH_ROWS,
            false => ((began.elapsed().as_secs_f64() * plan.rows_per_s) as usize).saturating_sub(made),
        };
        let slow_wait = plan.rows_per_s * BATCH_WAIT.as_secs_f64();
        let enough = due >= BATCH_ROWS || due as f64 >= slow_wait.max(1.0);
        if due > 0 && (enough || !goes_on) {
            let due = due.min(BURST_MAX * BATCH_ROWS);
            let mut batches = Vec::with_capacity(due.div_ceil(BATCH_ROWS));
            let mut seq = feed.seq();
            for first in (0..due).step_by(BATCH_ROWS) {
                let batch = feed.stamped(rows.batch(feed.boot(), seq, BATCH_ROWS.min(due - first)));
                seq = batch.last_seq() + 1;
                batches.push(batch);
            }
            feed.create(&batches).await?;
            deliver(&mut feed, batches, !goes_on);
            made += due;
        } else if !goes_on {
            deliver(&mut feed, Vec::new(), true);
        }
        if !goes_on {
            return Ok(feed);
        }
        // A free-running device leaves the others their turn.
        tokio::task::yield_now().await;
    }
}

/// Delivers each message once and in order.
pub(super) fn in_order(feed: &mut Feed, batches: Vec<Batch>, _last: bool) {
    for batch in batches {
        feed.send(&batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::BatteryId;

    #[test]
    fn rows_follow_from_seed_and_number() {
        let rows = Rows::new(Subject::Battery(BatteryId(1)), 7, 1000.0, 5);
        let batch = rows.batch(1, 100, 50);
        assert_eq!(batch, rows.batch(1, 100, 50));
        assert_ne!(batch.columns, Rows { seed: 8, ..rows }.batch(1, 100, 50).columns);
        assert_eq!((batch.rows(), batch.times_us[0], batch.times_us[49]), (50, 100_005, 149_005));
    }

    #[test]
    fn values_are_missing_now_and_then_and_no_two_rows_are_the_same() {
        let rows = Rows::new(Subject::Battery(BatteryId(1)), 7, 1000.0, 0);
        let batches: Vec<Batch> = (0..100).map(|n| rows.batch(1, n * 50, 50)).collect();
        let nulls: usize = batches.iter().flat_map(|batch| &batch.columns).map(|column| column.nulls.len()).sum();
        // One column in four of 100 messages of 9 columns.
        assert!((150..300).contains(&nulls), "{nulls}");
        let hashes: std::collections::HashSet<u64> = batches.iter().flat_map(crate::sim::batch::row_hashes).collect();
        assert_eq!(hashes.len(), 5000);
    }
}
