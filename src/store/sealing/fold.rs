//! The buckets of chunks, gathered: many chunks share a block of a level, or a long window would unpack thousands of short
//! lists.

use super::write::{Row, extent};
use super::{Kind, NewChunk, Work};
use crate::series::codec::checksum;
use crate::series::pyramid::Level;
use crate::store::blocks::{LEVEL_2, StoredBlock};
use crate::store::group::on_group;
use crate::store::sql::statements;
use crate::store::{Group, StoreError};

statements! {
    OF_KIND = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = ? AND boot = ? AND column_set_id = ? AND tick_offset_us = ? AND seq0 <= ?
        ORDER BY seq0 DESC
        LIMIT ?";
}

/// Buckets of a full block: a quarter of a million rows in level 1, eight millions in level 2.
const BUCKETS_MAX: usize = 4_096;
/// Blocks looked at for the old buckets of a chunk that is sealed anew: it stands in one of the last before it.
const BLOCKS_MAX: i64 = 8;

impl Group {
    /// Puts the buckets of new chunks into a level, those of replaced ones out of it; the longest time such a block lasts,
    /// µs.
    pub(super) async fn fold(&mut self, work: &Work, of_level: i64, now_us: i64) -> Result<i64, StoreError> {
        let kind = work.kind;
        let buckets = |chunk: &NewChunk| chunk.levels[usize::from(of_level == LEVEL_2)].clone();
        let last = work.chunks.iter().map(|chunk| chunk.seq0).chain(work.replaced.iter().copied()).max();
        let Some(last) = last else { return Ok(0) };
        // Nothing goes out without a replaced chunk, and what comes in goes to the end.
        let looked_at = if work.replaced.is_empty() { 1 } else { BLOCKS_MAX };
        let mut levels = self.last_levels(kind, of_level, last, looked_at).await?;
        for level in &mut levels {
            let before = level.buckets.len();
            for seq0 in &work.replaced {
                level.buckets.remove_chunk(*seq0);
            }
            level.is_changed = level.buckets.len() != before;
        }
        for chunk in &work.chunks {
            // The last block that begins before the chunk, if it has room; otherwise one of its own.
            let place = levels.iter_mut().filter(|level| level.seq0 <= chunk.seq0).max_by_key(|level| level.seq0);
            let new = buckets(chunk);
            match place.filter(|level| level.buckets.len() + new.len() <= BUCKETS_MAX) {
                Some(level) => {
                    level.buckets.append(new);
                    level.seq1 = level.seq1.max(chunk.seq1);
                    level.is_changed = true;
                }
                None => levels.push(Gathered { seq0: chunk.seq0, seq1: chunk.seq1, buckets: new, is_changed: true }),
            }
        }
        let mut span_max_us = 0;
        for level in levels.iter().filter(|level| level.is_changed) {
            self.remove_block(kind, of_level, level.seq0).await?;
            if level.buckets.is_empty() {
                continue;
            }
            let content = level.buckets.pack(work.packing);
            let (at0_us, at1_us, row_count) = extent(&level.buckets, kind.tick_offset_us);
            span_max_us = span_max_us.max(at1_us - at0_us);
            let row = Row {
                level: of_level,
                seq0: level.seq0,
                seq1: level.seq1,
                row_count,
                at0_us,
                at1_us,
                codec: work.packing.codec(),
                crc: checksum(&content),
                content: &content,
            };
            self.insert_block(kind, &row, now_us).await?;
        }
        Ok(span_max_us)
    }

    async fn last_levels(&mut self, kind: Kind, level: i64, seq0: i64, most: i64) -> Result<Vec<Gathered>, StoreError> {
        let blocks: Vec<StoredBlock> = on_group!(self, conn, dialect => {
            sqlx::query_as(OF_KIND.text(dialect))
                .bind(kind.stream.0)
                .bind(level)
                .bind(kind.boot)
                .bind(kind.column_set_id)
                .bind(kind.tick_offset_us)
                .bind(seq0)
                .bind(most)
                .fetch_all(conn)
                .await?
        });
        let read = |block: StoredBlock| {
            let columns: Vec<Option<usize>> = (0..Level::column_count(&block.view()?)).map(Some).collect();
            Ok(Gathered {
                seq0: block.seq0,
                seq1: block.last_seq(),
                buckets: block.level(&columns)?,
                is_changed: false,
            })
        };
        blocks.into_iter().map(read).collect()
    }
}

struct Gathered {
    seq0: i64,
    seq1: i64,
    buckets: Level,
    is_changed: bool,
}
