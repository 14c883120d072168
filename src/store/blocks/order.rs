//! The rows of a stream in the order in which the device numbered them, out of journal and chunks.

use super::{AFTER, CHUNKS_AFTER, StoredBlock};
use crate::domain::ids::StreamId;
use crate::domain::sample::Batch;
use crate::store::sql::on_read;
use crate::store::{Store, StoreError};

/// Journal blocks read at once: a few megabytes.
const BLOCKS_PER_CALL: i64 = 1_000;
/// Chunks read at once: as many rows.
const CHUNKS_PER_CALL: i64 = 8;

impl Store {
    /// Rows of a stream in order of (boot, seq) after the given row, as batches of rows that follow each other; some
    /// hundred thousand at most, empty at the end.
    ///
    /// Start with `(0, -1)`, and go on after the last row of the answer.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a block is damaged; when the database fails.
    pub async fn stream_batches(&self, stream: StreamId, after: (u32, i64)) -> Result<Vec<Batch>, StoreError> {
        let Some(subject) = self.stream_subject(stream).await? else { return Ok(Vec::new()) };
        let (boot, seq) = (i64::from(after.0), after.1);
        // The chunks first: what is sealed between the two looks is then seen twice, and not missed.
        let chunks: Vec<StoredBlock> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(CHUNKS_AFTER.text(dialect))
                .bind(stream.0)
                .bind(boot)
                .bind(seq)
                .bind(boot)
                .bind(CHUNKS_PER_CALL)
                .fetch_all(pool)
                .await?
        });
        let chunks = self.with_bodies(chunks).await?;
        let blocks: Vec<StoredBlock> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(AFTER.text(dialect))
                .bind(stream.0)
                .bind(boot)
                .bind(seq)
                .bind(boot)
                .bind(BLOCKS_PER_CALL)
                .fetch_all(pool)
                .await?
        });
        // Rows beyond the end of either page may have others before them that were not read.
        let full = |read: &[StoredBlock], most| i64::try_from(read.len()).is_ok_and(|count| count >= most);
        let journal_end =
            blocks.last().filter(|_| full(&blocks, BLOCKS_PER_CALL)).map(|block| (block.boot, block.last_seq()));
        let chunk_end = chunks.last().filter(|_| full(&chunks, CHUNKS_PER_CALL)).map(|chunk| (chunk.boot, chunk.seq0));
        let end = [journal_end, chunk_end].into_iter().flatten().min();

        let ids: Vec<i64> = chunks.iter().chain(&blocks).map(|block| block.column_set_id).collect();
        let sets = self.column_sets(ids).await?;
        let mut batches = Vec::new();
        for block in chunks.iter().chain(&blocks) {
            batches.extend(block.batches(subject, sets.get(&block.column_set_id).map_or(&[], Vec::as_slice))?);
        }
        batches.sort_by_key(|batch| (batch.boot, batch.seq));
        let mut next = (boot, seq.saturating_add(1));
        let mut wanted = Vec::with_capacity(batches.len());
        for batch in batches {
            let of = i64::from(batch.boot);
            if of > next.0 {
                next = (of, i64::MIN);
            }
            let first = batch.seq.max(next.1);
            let last = match end {
                Some((end_boot, _)) if of > end_boot => break,
                Some((end_boot, end_seq)) if of == end_boot => batch.last_seq().min(end_seq),
                _ => batch.last_seq(),
            };
            if of == next.0 && first <= last {
                let place = |seq: i64| usize::try_from(seq - batch.seq).unwrap_or_default();
                next.1 = last.saturating_add(1);
                let is_whole = first == batch.seq && last == batch.last_seq();
                wanted.push(if is_whole { batch } else { batch.slice(place(first), place(last) + 1) });
            }
        }
        Ok(wanted)
    }
}
