//! A device that measures well and sends badly: everything the protocol allows and a tidy device would not do.

use std::collections::VecDeque;

use super::batch;
use super::device::Feed;
use crate::domain::sample::Batch;

/// Messages remembered for being sent again.
const RECENT_MAX: usize = 64;
/// Messages held back to be sent out of order.
const HELD_MAX: usize = 20;
/// Chances in a thousand of each mischief per message.
const TWICE: u16 = 100;
const CUT_ANEW: u16 = 100;
const LATE: u16 = 100;
const OLD: u16 = 30;
const CONFLICT: u16 = 10;
const REBOOT: u16 = 2;

/// The mischief of one device, decided by its seed.
#[derive(Debug)]
pub(super) struct Mischief {
    random: fastrand::Rng,
    recent: VecDeque<Batch>,
    held: Vec<Batch>,
}

impl Mischief {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), recent: VecDeque::new(), held: Vec::new() }
    }

    fn chance(&mut self, in_a_thousand: u16) -> bool {
        self.random.u16(..1000) < in_a_thousand
    }

    /// Delivers new batches, every row at least once in the end; with `last` also what was held back.
    pub(super) fn deliver(&mut self, feed: &mut Feed, batches: Vec<Batch>, last: bool) {
        for batch in batches {
            for message in self.around(&batch) {
                feed.send(&message);
            }
            if self.chance(CONFLICT) {
                self.contradict(feed);
            }
            self.recent.push_back(batch);
            if self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
            if self.chance(REBOOT) {
                feed.reboot();
                self.recent.clear();
            }
        }
        if last {
            for message in self.held.drain(..) {
                feed.send(&message);
            }
        }
    }

    /// What is sent when a new batch is due.
    fn around(&mut self, batch: &Batch) -> Vec<Batch> {
        let mut messages = Vec::new();
        if self.chance(LATE) {
            self.held.push(batch.clone());
        } else {
            messages.push(batch.clone());
        }
        if self.held.len() > HELD_MAX {
            messages.push(self.held.swap_remove(self.random.usize(..self.held.len())));
        }
        if self.chance(TWICE) {
            messages.push(batch.clone());
        }
        if self.chance(CUT_ANEW) {
            let before =
                self.recent.back().filter(|before| before.last_seq() + 1 == batch.seq && before.boot == batch.boot);
            if let Some(joined) = before.map(|before| join(before, batch)) {
                let from = self.random.usize(..joined.rows());
                let to = self.random.usize(from + 1..=joined.rows());
                messages.push(joined.slice(from, to));
            }
        }
        if self.chance(OLD) && !self.recent.is_empty() {
            messages.push(self.recent[self.random.usize(..self.recent.len())].clone());
        }
        messages
    }

    /// Sends rows the server has already with other values: the first ones must stay.
    fn contradict(&mut self, feed: &Feed) {
        let Some(known) = self.recent.iter().find(|batch| feed.is_acknowledged(batch)) else { return };
        // A batch held back is not in the outbox and not acknowledged either.
        if self.held.iter().any(|held| held.boot == known.boot && held.seq == known.seq) {
            return;
        }
        let mut altered = known.clone();
        for column in &mut altered.columns {
            column.values.iter_mut().for_each(|value| *value += 1.0);
        }
        feed.say_raw("samples", batch::encode(&altered).into());
    }
}

/// Two batches that follow each other and have the same columns, as one.
fn join(first: &Batch, second: &Batch) -> Batch {
    let mut joined = first.clone();
    let shift = u32::try_from(first.rows()).unwrap_or(u32::MAX);
    joined.times_us.extend(&second.times_us);
    for (column, more) in joined.columns.iter_mut().zip(&second.columns) {
        column.values.extend(&more.values);
        column.nulls.extend(more.nulls.iter().map(|row| row + shift));
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::BatteryId;
    use crate::domain::sample::Subject;
    use crate::sim::batch::row_hashes;
    use crate::sim::load::Rows;

    #[test]
    fn whatever_is_sent_consists_of_measured_rows_and_all_of_them() {
        let rows = Rows::new(Subject::Battery(BatteryId(1)), 7, 1000.0, 0);
        let measured: Vec<Batch> = (0..500).map(|n| rows.batch(3, n * 10, 10)).collect();
        let truth: Vec<u64> = measured.iter().flat_map(row_hashes).collect();
        let mut mischief = Mischief::new(1);
        let mut messages: Vec<Batch> = Vec::new();
        for batch in &measured {
            messages.extend(mischief.around(batch));
            mischief.recent.push_back(batch.clone());
        }
        messages.append(&mut mischief.held);

        let mut times_sent = vec![0; truth.len()];
        for message in &messages {
            for (seq, hash) in (message.seq..).zip(row_hashes(message)) {
                let seq = usize::try_from(seq).unwrap();
                assert_eq!(hash, truth[seq], "row {seq}");
                times_sent[seq] += 1;
            }
        }
        assert!(times_sent.iter().all(|times| *times >= 1));
        assert!(times_sent.iter().filter(|times| **times > 1).count() > 500);
        assert!(messages.windows(2).any(|pair| pair[1].seq < pair[0].seq), "some must be out of order");
    }
}
