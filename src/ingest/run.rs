//! Runs of small batches: what a device sends row by row is stored as one block per commit, not as one per message.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::sample::{BATCH_ROWS_MAX, Batch, Column};
use crate::series::codec;
use crate::store::blocks::NewBlock;

/// Batches of fewer rows are put together; larger ones are worth a block of their own, packed where they came in.
pub(super) const SMALL_ROWS: usize = 16;

/// Consecutive small batches of one stream, to become one block.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// The block, its content still to be made.
    block: NewBlock<'a>,
    parts: Vec<Arc<Batch>>,
}

impl<'a> Run<'a> {
    /// A run of one batch, whose block this is.
    pub(super) fn new(block: NewBlock<'a>, batch: Arc<Batch>) -> Self {
        Self { block, parts: vec![batch] }
    }

    /// Takes in the batch of a block of the same stream, if it continues the run.
    ///
    /// # Errors
    /// The block and the batch, when it does not.
    pub(super) fn extend(&mut self, block: NewBlock<'a>, batch: Arc<Batch>) -> Result<(), (NewBlock<'a>, Arc<Batch>)> {
        let run = &mut self.block;
        let continues = i64::try_from(run.row_count).is_ok_and(|rows| run.seq0 + rows == block.seq0)
            && (run.boot, run.dated, run.tick_offset_us) == (block.boot, block.dated, block.tick_offset_us)
            && run.column_set_id == block.column_set_id
            && run.row_count + block.row_count <= BATCH_ROWS_MAX;
        if !continues {
            return Err((block, batch));
        }
        run.row_count += block.row_count;
        run.at0_us = run.at0_us.min(block.at0_us);
        run.at1_us = run.at1_us.max(block.at1_us);
        self.parts.push(batch);
        Ok(())
    }

    /// The block of the whole run.
    pub(super) fn close(self) -> NewBlock<'a> {
        let content = joined(&self.parts);
        NewBlock { crc: codec::checksum(&content), content: Cow::Owned(content), ..self.block }
    }
}

/// The rows of batches with the same columns, one behind the other, in the journal codec.
fn joined(parts: &[Arc<Batch>]) -> Vec<u8> {
    let rows = parts.iter().map(|part| part.rows()).sum();
    let mut times_us = Vec::with_capacity(rows);
    let names = parts.first().map_or(&[][..], |first| &first.columns);
    let empty =
        |column: &Column| Column { name: column.name.clone(), values: Vec::with_capacity(rows), nulls: Vec::new() };
    let mut columns: Vec<Column> = names.iter().map(empty).collect();
    for part in parts {
        let before = u32::try_from(times_us.len()).unwrap_or(u32::MAX);
        times_us.extend_from_slice(&part.times_us);
        for (column, more) in columns.iter_mut().zip(&part.columns) {
            column.values.extend_from_slice(&more.values);
            column.nulls.extend(more.nulls.iter().map(|row| before + row));
        }
    }
    codec::encode(&times_us, &columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{BatteryId, StreamId};
    use crate::domain::sample::{Subject, TimeBase};
    use crate::ingest::packed::Packed;

    fn whole(rows: usize) -> Batch {
        let column = |name: &str, values: Vec<f64>, nulls| Column { name: name.to_owned(), values, nulls };
        let values = |start: f64| (0_u32..).take(rows).map(|row| start + f64::from(row) / 1e4).collect::<Vec<_>>();
        let mut current = values(-1.0);
        current[rows / 2] = 0.0;
        let nulls = vec![u32::try_from(rows / 2).unwrap()];
        Batch {
            boot: 1,
            seq: 100,
            subject: Subject::Battery(BatteryId(1)),
            base: TimeBase::Utc,
            times_us: (0_i64..).map(|row| 1_790_000_000_000_000 + row * 100_000).take(rows).collect(),
            columns: vec![column("voltage_v", values(3.7), vec![]), column("current_a", current, nulls)],
        }
    }

    fn block(packed: &Packed) -> NewBlock<'_> {
        NewBlock {
            stream: StreamId(1),
            boot: packed.batch.boot,
            seq0: packed.batch.seq,
            row_count: packed.batch.rows(),
            at0_us: packed.span_us.0,
            at1_us: packed.span_us.1,
            dated: true,
            tick_offset_us: 0,
            received_at_us: 5,
            column_set_id: 1,
            crc: packed.crc,
            content: Cow::Borrowed(&packed.content),
        }
    }

    #[test]
    fn rows_sent_one_by_one_become_the_block_they_would_be_together() {
        let whole = whole(40);
        let parts: Vec<_> = (0..40).map(|row| Packed::new(whole.slice(row, row + 1))).collect();
        let mut run = Run::new(block(&parts[0]), Arc::clone(&parts[0].batch));
        for part in &parts[1..] {
            run.extend(block(part), Arc::clone(&part.batch)).unwrap();
        }
        let together = Packed::new(whole);
        assert_eq!(run.close(), block(&together));
    }

    #[test]
    fn one_small_batch_alone_is_packed_too() {
        let packed = Packed::new(whole(1));
        assert!(packed.content.is_empty(), "packing it before it is known to be alone is wasted");
        let stored = Run::new(block(&packed), Arc::clone(&packed.batch)).close();
        assert_eq!(stored.content, codec::encode(&packed.batch.times_us, &packed.batch.columns));
        assert_eq!(stored.crc, codec::checksum(&stored.content));
    }

    #[test]
    fn only_what_continues_a_run_joins_it() {
        let (first, next) = (Packed::new(whole(10).slice(0, 2)), Packed::new(whole(10).slice(2, 4)));
        let differs: [fn(&mut NewBlock<'_>); 6] = [
            |block| block.seq0 += 1,
            |block| block.seq0 -= 1,
            |block| block.boot += 1,
            |block| block.column_set_id += 1,
            |block| block.dated = false,
            |block| block.tick_offset_us = 1,
        ];
        for change in differs {
            let mut run = Run::new(block(&first), Arc::clone(&first.batch));
            let mut other = block(&next);
            change(&mut other);
            assert!(run.extend(other, Arc::clone(&next.batch)).is_err());
            assert!(run.extend(block(&next), Arc::clone(&next.batch)).is_ok());
        }
    }

    #[test]
    fn a_run_is_no_longer_than_a_block() {
        let batch = Packed::new(whole(10));
        let mut run = Run::new(block(&batch), Arc::clone(&batch.batch));
        run.block.row_count = BATCH_ROWS_MAX;
        let mut next = block(&batch);
        next.seq0 = run.block.seq0 + i64::try_from(BATCH_ROWS_MAX).unwrap();
        assert!(run.extend(next, Arc::clone(&batch.batch)).is_err());
    }
}
