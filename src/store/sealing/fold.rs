//! The buckets of chunks, gathered: many chunks share a block of a level, or a long window would unpack thousands of short
//! lists.
//!
//! Packing a block anew takes longer than all the rest of a sealing. It is done before the transaction, which only looks
//! whether the block that goes is still the one that was read: readings that come in wait for the transaction.

use super::write::{Row, extent};
use super::{Kind, NewChunk, Work};
use crate::series::chunk::Packing;
use crate::series::codec::checksum;
use crate::series::pyramid::Level;
use crate::store::blocks::{LEVEL_1, LEVEL_2, StoredBlock};
use crate::store::sql::{on_read, statements};
use crate::store::{Group, Store, StoreError};

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

/// A block of a level that changes.
pub(super) struct Fold {
    level: i64,
    /// The block that goes: number of its first row, and its checksum.
    old: Option<(i64, i64)>,
    /// The block that comes.
    new: Option<Folded>,
}

struct Folded {
    seq0: i64,
    seq1: i64,
    row_count: i64,
    at0_us: i64,
    at1_us: i64,
    crc: u32,
    content: Vec<u8>,
}

impl Store {
    /// The last blocks of each level before new and replaced chunks.
    pub(super) async fn blocks_to_fold(&self, work: &Work) -> Result<[Vec<StoredBlock>; 2], StoreError> {
        let last = work.chunks.iter().map(|chunk| chunk.seq0).chain(work.replaced.iter().copied()).max();
        let Some(last) = last else { return Ok([Vec::new(), Vec::new()]) };
        // Nothing goes out without a replaced chunk, and what comes in goes to the end.
        let looked_at = if work.replaced.is_empty() { 1 } else { BLOCKS_MAX };
        Ok([
            self.last_blocks(work.kind, LEVEL_1, last, looked_at).await?,
            self.last_blocks(work.kind, LEVEL_2, last, looked_at).await?,
        ])
    }

    async fn last_blocks(&self, kind: Kind, level: i64, seq0: i64, most: i64) -> Result<Vec<StoredBlock>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_KIND.text(dialect))
                .bind(kind.stream.0)
                .bind(level)
                .bind(kind.boot)
                .bind(kind.column_set_id)
                .bind(kind.tick_offset_us)
                .bind(seq0)
                .bind(most)
                .fetch_all(pool)
                .await?
        }))
    }
}

/// Puts the buckets of new chunks into the last blocks of both levels, those of replaced ones out of them.
pub(super) fn fold(
    blocks: &[Vec<StoredBlock>; 2],
    chunks: &[NewChunk],
    replaced: &[i64],
    tick_offset_us: i64,
    packing: Packing,
) -> Result<Vec<Fold>, StoreError> {
    let mut folds = Vec::new();
    for (index, level) in [LEVEL_1, LEVEL_2].into_iter().enumerate() {
        let gathered: Result<Vec<Gathered>, StoreError> = blocks[index].iter().map(Gathered::of).collect();
        let mut gathered = gathered?;
        for block in &mut gathered {
            let before = block.buckets.len();
            for seq0 in replaced {
                block.buckets.remove_chunk(*seq0);
            }
            block.is_changed = block.buckets.len() != before;
        }
        for chunk in chunks {
            // The last block that begins before the chunk, if it has room; otherwise one of its own.
            let place = gathered.iter_mut().filter(|block| block.seq0 <= chunk.seq0).max_by_key(|block| block.seq0);
            let new = chunk.levels[index].clone();
            match place.filter(|block| block.buckets.len() + new.len() <= BUCKETS_MAX) {
                Some(block) => {
                    block.buckets.append(new);
                    block.seq1 = block.seq1.max(chunk.seq1);
                    block.is_changed = true;
                }
                None => gathered.push(Gathered {
                    seq0: chunk.seq0,
                    seq1: chunk.seq1,
                    buckets: new,
                    old: None,
                    is_changed: true,
                }),
            }
        }
        let changed = gathered.into_iter().filter(|block| block.is_changed);
        folds.extend(changed.map(|block| block.packed(level, tick_offset_us, packing)));
    }
    Ok(folds)
}

impl Group {
    /// Takes a block of a level out and puts the one in its place in; `false` when somebody else did so meanwhile.
    pub(super) async fn apply_fold(
        &mut self,
        kind: Kind,
        fold: &Fold,
        codec: i64,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        if let Some((seq0, crc)) = fold.old
            && self.remove_same(kind, fold.level, seq0, crc).await? != 1
        {
            return Ok(false);
        }
        let Some(new) = &fold.new else { return Ok(true) };
        let row = Row {
            level: fold.level,
            seq0: new.seq0,
            seq1: new.seq1,
            row_count: new.row_count,
            at0_us: new.at0_us,
            at1_us: new.at1_us,
            codec,
            crc: new.crc,
            content: &new.content,
        };
        self.insert_block(kind, &row, now_us).await?;
        Ok(true)
    }
}

impl Fold {
    /// How long the block that comes lasts, µs.
    pub(super) fn span_us(&self) -> i64 {
        self.new.as_ref().map_or(0, |new| new.at1_us.saturating_sub(new.at0_us))
    }
}

struct Gathered {
    seq0: i64,
    seq1: i64,
    buckets: Level,
    /// First row and checksum of the block it was read from.
    old: Option<(i64, i64)>,
    is_changed: bool,
}

impl Gathered {
    fn of(block: &StoredBlock) -> Result<Self, StoreError> {
        let columns: Vec<Option<usize>> = (0..Level::column_count(&block.view()?)).map(Some).collect();
        Ok(Self {
            seq0: block.seq0,
            seq1: block.last_seq(),
            buckets: block.level(&columns)?,
            old: Some((block.seq0, block.crc())),
            is_changed: false,
        })
    }

    fn packed(self, level: i64, tick_offset_us: i64, packing: Packing) -> Fold {
        let new = (!self.buckets.is_empty()).then(|| {
            let content = self.buckets.pack(packing);
            let (at0_us, at1_us, row_count) = extent(&self.buckets, tick_offset_us);
            let crc = checksum(&content);
            Folded { seq0: self.seq0, seq1: self.seq1, row_count, at0_us, at1_us, crc, content }
        });
        Fold { level, old: self.old, new }
    }
}
