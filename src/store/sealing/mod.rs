//! Sealing: journal blocks become chunks with a pyramid, in one short transaction each.
//!
//! A row is always in exactly one tier: the transaction that stores a chunk removes the blocks it was made of, and leaves
//! everything as it was when one of them is no longer there. Rows that arrive late, within the span of a chunk, are
//! sealed together with that chunk anew.

pub(super) mod fold;
mod rows;
pub(super) mod write;

use tokio::task::JoinError;

use super::blocks::{LEVEL_CHUNKS, StoredBlock};
use super::devices::read_id;
use super::sql::{on_read, statements};
use super::{Store, StoreError};
use crate::domain::ids::{DeviceId, StreamId};
use crate::series::chunk::{CHUNK_ROWS_MAX, Packing, pack};
use crate::series::codec::checksum;
use crate::series::pyramid::{LEVEL_1_ROWS, LEVEL_2_ROWS, Level};
use rows::Numbered;

statements! {
    // `latest` counts every row of a stream: what is not sealed of it is in the journal.
    CANDIDATES = "
        SELECT l.stream_id
        FROM latest l
        LEFT JOIN stream_seal q ON q.stream_id = l.stream_id
        WHERE l.row_total - COALESCE(q.row_total, 0) >= ?
            OR (l.row_total > COALESCE(q.row_total, 0) AND l.received_at_us < ?)
        ORDER BY l.row_total - COALESCE(q.row_total, 0) DESC
        LIMIT ?";
    DEVICE_OF = "
        SELECT device_id
        FROM stream
        WHERE stream_id = ?";
    JOURNAL = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 0 AND dated = 1
        ORDER BY boot, seq0
        LIMIT ?";
    NEAR = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = ? AND boot = ? AND column_set_id = ? AND tick_offset_us = ?
            AND seq0 <= ? AND seq1 >= ?
        ORDER BY seq0";
    BEFORE = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = ? AND boot = ? AND column_set_id = ? AND tick_offset_us = ? AND seq0 < ?
        ORDER BY seq0 DESC
        LIMIT 1";
}

/// Journal blocks read for one sealing: chunks' worth of batches of a few rows.
const JOURNAL_BLOCKS_MAX: i64 = 8_192;
/// Rows taken into one sealing: a few chunks, a few tens of milliseconds.
const ROWS_MAX: usize = 4 * CHUNK_ROWS_MAX;
/// Streams of one answer.
const CANDIDATES_MAX: i64 = 200;

/// What one sealing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealed {
    /// Rows that left the journal.
    pub rows: usize,
    /// Chunks written.
    pub chunks: usize,
    /// Whether somebody changed what was being sealed: nothing was done, and trying again may do it.
    pub is_disturbed: bool,
}

/// What belongs together in a chunk: rows of one boot with the same columns and the same clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    stream: StreamId,
    boot: i64,
    column_set_id: i64,
    tick_offset_us: i64,
}

impl Kind {
    fn of(block: &StoredBlock) -> Self {
        Self {
            stream: StreamId(block.stream_id),
            boot: block.boot,
            column_set_id: block.column_set_id,
            tick_offset_us: block.tick_offset_us,
        }
    }
}

/// A chunk ready to be stored, with its part of the pyramid.
struct NewChunk {
    seq0: i64,
    seq1: i64,
    row_count: usize,
    at0_us: i64,
    at1_us: i64,
    content: Vec<u8>,
    crc: u32,
    /// Its buckets of both levels of the pyramid.
    levels: [Level; 2],
}

/// Everything one transaction changes.
struct Work {
    device: DeviceId,
    kind: Kind,
    /// First rows of the journal blocks that go.
    journal: Vec<i64>,
    /// First rows of the chunks that go, to come back with late rows.
    replaced: Vec<i64>,
    /// Checksums of those chunks as they are stored.
    replaced_crcs: Vec<i64>,
    /// Files of the archive those of them are in that left the database.
    released: Vec<i64>,
    /// Rows that leave the journal, as ranges.
    sealed: Vec<(i64, i64)>,
    journal_rows: usize,
    chunks: Vec<NewChunk>,
    /// Blocks of the pyramid that change.
    folds: Vec<fold::Fold>,
    packing: Packing,
}

impl Store {
    /// Streams with a chunk's worth of rows in the journal, or with any whose last row came before `idle_since_us`: the
    /// fullest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn streams_to_seal(&self, idle_since_us: i64) -> Result<Vec<StreamId>, StoreError> {
        let rows: Vec<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(CANDIDATES.text(dialect))
                .bind(i64::try_from(CHUNK_ROWS_MAX).unwrap_or(i64::MAX))
                .bind(idle_since_us)
                .bind(CANDIDATES_MAX)
                .fetch_all(pool)
                .await?
        });
        Ok(rows.into_iter().map(|(id,)| StreamId(id)).collect())
    }

    /// Seals the oldest rows of a stream's journal, at most some chunks; with `everything` also when they do not fill one.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a block is damaged: nothing is lost, and nothing is sealed. When the database fails.
    pub async fn seal_stream(
        &self,
        stream: StreamId,
        packing: Packing,
        everything: bool,
        now_us: i64,
    ) -> Result<Sealed, StoreError> {
        let Some((blocks, is_all)) = self.journal_to_seal(stream).await? else { return Ok(Sealed::default()) };
        let Some((kind, is_over)) = fullest(&blocks, is_all) else { return Ok(Sealed::default()) };
        let mut rows = 0;
        let mine: Vec<StoredBlock> = blocks
            .into_iter()
            .filter(|block| Kind::of(block) == kind)
            .take_while(|block| {
                rows += row_count(block);
                rows <= ROWS_MAX
            })
            .collect();
        let rows: usize = mine.iter().map(row_count).sum();
        // More than is read at once is sealed too, or rows that came one by one would never be.
        if rows < CHUNK_ROWS_MAX && is_all && !is_over && !everything {
            return Ok(Sealed::default());
        }
        let device = self.device_of(stream).await?;
        let near = self.chunks_near(kind, &mine).await?;
        let replaced_crcs = near.iter().map(StoredBlock::crc).collect();
        let stubs = near.iter().filter_map(|chunk| chunk.stub().transpose());
        let released = stubs.map(|stub| stub.map(|stub| stub.object)).collect::<Result<_, _>>()?;
        // What is in the archive comes back for it; without its archive nothing is sealed, and nothing is lost.
        let near = self.with_bodies(near).await?;
        let names = self.column_sets([kind.column_set_id]).await?.remove(&kind.column_set_id).unwrap_or_default();
        // Packing takes milliseconds: the threads that answer requests have other work meanwhile.
        let broke_down = |error: JoinError| StoreError::Unreadable {
            what: format!("stream {stream}"),
            reason: format!("sealing broke down: {error}"),
        };
        let work = tokio::task::spawn_blocking(move || prepare(device, kind, &mine, &near, names.len(), packing)).await;
        let mut work = work.map_err(broke_down)??;
        (work.replaced_crcs, work.released) = (replaced_crcs, released);
        let blocks = self.blocks_to_fold(&work).await?;
        let work = tokio::task::spawn_blocking(move || {
            work.folds = fold::fold(&blocks, &work.chunks, &work.replaced, kind.tick_offset_us, packing)?;
            Ok::<_, StoreError>(work)
        });
        let work = work.await.map_err(broke_down)??;
        let (rows, chunks) = (work.journal_rows, work.chunks.len());
        let is_done = self.store_chunks(work, now_us).await?;
        Ok(if is_done {
            Sealed { rows, chunks, is_disturbed: false }
        } else {
            Sealed { is_disturbed: true, ..Sealed::default() }
        })
    }

    /// The oldest blocks of a journal, and whether these are all.
    async fn journal_to_seal(&self, stream: StreamId) -> Result<Option<(Vec<StoredBlock>, bool)>, StoreError> {
        let blocks: Vec<StoredBlock> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(JOURNAL.text(dialect)).bind(stream.0).bind(JOURNAL_BLOCKS_MAX).fetch_all(pool).await?
        });
        let is_all = i64::try_from(blocks.len()).is_ok_and(|count| count < JOURNAL_BLOCKS_MAX);
        Ok((!blocks.is_empty()).then_some((blocks, is_all)))
    }

    async fn device_of(&self, stream: StreamId) -> Result<DeviceId, StoreError> {
        let row: Option<(String,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(DEVICE_OF.text(dialect)).bind(stream.0).fetch_optional(pool).await?
        });
        let (device,) = row.ok_or_else(|| StoreError::Missing { what: "such stream", name: stream.to_string() })?;
        read_id(&device)
    }

    /// Chunks the rows lie within, and a short one before them: they are sealed together.
    async fn chunks_near(&self, kind: Kind, mine: &[StoredBlock]) -> Result<Vec<StoredBlock>, StoreError> {
        let (first, last) = (mine.first().map_or(0, |block| block.seq0), mine.last().map_or(0, StoredBlock::last_seq));
        let mut near: Vec<StoredBlock> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(NEAR.text(dialect))
                .bind(kind.stream.0)
                .bind(LEVEL_CHUNKS)
                .bind(kind.boot)
                .bind(kind.column_set_id)
                .bind(kind.tick_offset_us)
                .bind(last)
                .bind(first)
                .fetch_all(pool)
                .await?
        });
        let before: Option<StoredBlock> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BEFORE.text(dialect))
                .bind(kind.stream.0)
                .bind(LEVEL_CHUNKS)
                .bind(kind.boot)
                .bind(kind.column_set_id)
                .bind(kind.tick_offset_us)
                .bind(first)
                .fetch_optional(pool)
                .await?
        });
        let is_short =
            |chunk: &StoredBlock| usize::try_from(chunk.row_count).is_ok_and(|rows| rows < CHUNK_ROWS_MAX / 2);
        near.extend(before.filter(|chunk| is_short(chunk) && chunk.last_seq() < first));
        Ok(near)
    }
}

fn row_count(block: &StoredBlock) -> usize {
    usize::try_from(block.row_count).unwrap_or_default()
}

/// What the oldest boot of a journal has most rows of, and whether that boot is over: a later one has begun.
fn fullest(blocks: &[StoredBlock], is_all: bool) -> Option<(Kind, bool)> {
    let boot = blocks.first()?.boot;
    let mut kinds: Vec<(Kind, usize)> = Vec::new();
    for block in blocks.iter().filter(|block| block.boot == boot) {
        let kind = Kind::of(block);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, rows)) => *rows += row_count(block),
            None => kinds.push((kind, row_count(block))),
        }
    }
    let is_over = is_all && blocks.last().is_some_and(|last| last.boot > boot);
    kinds.into_iter().max_by_key(|(_, rows)| *rows).map(|(kind, _)| (kind, is_over))
}

/// Packs the rows of journal blocks and chunks into new chunks.
fn prepare(
    device: DeviceId,
    kind: Kind,
    journal: &[StoredBlock],
    near: &[StoredBlock],
    column_count: usize,
    packing: Packing,
) -> Result<Work, StoreError> {
    let mut new = Numbered::default();
    for block in journal {
        new.add(&block.seq_ranges()?, block.rows(column_count)?);
    }
    new.sort();
    let (sealed, journal_rows) = (new.ranges(), new.seqs.len());
    let mut all = new;
    for chunk in near {
        all.add(&chunk.seq_ranges()?, chunk.rows(column_count)?);
    }
    all.sort();
    let chunk = |part: Numbered| {
        let ranges = part.ranges();
        let (seq0, seq1) =
            (part.seqs.first().copied().unwrap_or_default(), part.seqs.last().copied().unwrap_or_default());
        let content = pack(packing, &ranges, &part.rows.times_us, &part.rows.columns);
        let utc = |at_us: Option<&i64>| at_us.map_or(0, |at_us| at_us.saturating_add(kind.tick_offset_us));
        NewChunk {
            seq0,
            seq1,
            row_count: part.seqs.len(),
            at0_us: utc(part.rows.times_us.iter().min()),
            at1_us: utc(part.rows.times_us.iter().max()),
            crc: checksum(&content),
            content,
            levels: [LEVEL_1_ROWS, LEVEL_2_ROWS].map(|rows| Level::of_chunk(&part.rows, seq0, rows)),
        }
    };
    Ok(Work {
        chunks: all.parts().into_iter().map(chunk).collect(),
        journal: journal.iter().map(|block| block.seq0).collect(),
        replaced: near.iter().map(|chunk| chunk.seq0).collect(),
        replaced_crcs: Vec::new(),
        released: Vec::new(),
        device,
        kind,
        sealed,
        journal_rows,
        folds: Vec::new(),
        packing,
    })
}
