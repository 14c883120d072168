//! A window as it is drawn: rows while they are few, buckets of the pyramid where they are many, and rows again at the
//! edges, where a bucket lies across.

use std::collections::HashMap;
use std::ops::Range;

use super::chunks::Key;
use super::unpack::unpacked;
use super::{LEVEL_1, LEVEL_2, StoredBlock};
use crate::domain::ids::StreamId;
use crate::domain::sample::Column;
use crate::series::pyramid::Level;
use crate::series::window::Piece;
use crate::store::{Store, StoreError};

/// Up to so many rows are drawn from the rows themselves: eight chunks.
const RAW_ROWS_MAX: i64 = 131_072;
/// Up to so many from buckets of 64, 62,500 of them; above from those of 2,048, which are then two thousand and more.
pub(super) const LEVEL_1_ROWS_MAX: i64 = 4_000_000;
/// Chunks counted to choose between rows and buckets: more than hold the most rows that level 1 is for.
pub(super) const CHUNKS_COUNTED_MAX: i64 = 1_000;
/// How often a window is read anew when chunks it needs are sealed anew meanwhile.
const TRIES_MAX: usize = 3;

/// A bucket that lies across the edge of a window: which chunk, and which of its rows.
struct Edge {
    chunk: Key,
    rows: Range<usize>,
}

impl Store {
    /// What a chart of `from_us..=to_us` needs of a stream: see [`crate::series::window::reduce`].
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a block is damaged; when the database fails.
    pub async fn drawn_window(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
    ) -> Result<Vec<Piece>, StoreError> {
        // The journal first: what is sealed between the two looks is then seen twice, which draws the same, and never not at
        // all.
        let mut pieces = self.journal_window(stream, wanted, from_us, to_us).await?;
        let (rows, chunks) = self.rows_of_chunks(stream, from_us, to_us, CHUNKS_COUNTED_MAX).await?;
        let level = if rows > LEVEL_1_ROWS_MAX {
            LEVEL_2
        } else if rows > RAW_ROWS_MAX || chunks == CHUNKS_COUNTED_MAX {
            LEVEL_1
        } else {
            pieces.extend(self.chunk_window(stream, wanted, from_us, to_us).await?);
            return Ok(pieces);
        };
        for _ in 0..TRIES_MAX {
            if let Some(more) = self.bucket_window(stream, wanted, from_us, to_us, level).await? {
                pieces.extend(more);
                return Ok(pieces);
            }
        }
        pieces.extend(self.chunk_window(stream, wanted, from_us, to_us).await?);
        Ok(pieces)
    }

    /// Buckets within the window and the rows of those across its edges; `None` when a chunk is gone that was there.
    async fn bucket_window(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
        level: i64,
    ) -> Result<Option<Vec<Piece>>, StoreError> {
        let blocks = self.level_window(stream, level, from_us, to_us).await?;
        let ids: Vec<i64> = blocks.iter().map(|block| block.column_set_id).collect();
        let sets = self.column_sets(ids).await?;
        let (names, columns) = (sets.clone(), wanted.to_vec());
        let read = unpacked(blocks, move |block| {
            let names = names.get(&block.column_set_id).map_or(&[][..], Vec::as_slice);
            let places: Vec<Option<usize>> =
                columns.iter().map(|name| names.iter().position(|known| known == name)).collect();
            // Of a long window nearly all blocks lie within it, and nobody asks which rows their buckets are of.
            if let Some(piece) = block.whole_level(&places, from_us, to_us)? {
                return Ok((piece, Vec::new()));
            }
            let buckets = block.level(&places)?;
            let piece = Piece::of_level(&buckets, block.tick_offset_us, from_us, to_us);
            Ok((piece, edges_of(block, &buckets, from_us, to_us)))
        });
        let (mut pieces, edges): (Vec<Piece>, Vec<Vec<Edge>>) = read.await?.into_iter().unzip();
        let edges: Vec<Edge> = edges.into_iter().flatten().collect();
        let mut keys: Vec<Key> = edges.iter().map(|edge| edge.chunk).collect();
        keys.sort_unstable();
        keys.dedup();
        let chunks = self.chunks(stream, &keys).await?;
        if chunks.len() < keys.len() {
            return Ok(None);
        }
        let wanted = wanted.to_vec();
        let whole = unpacked(chunks, move |chunk| {
            let names = sets.get(&chunk.column_set_id).map_or(&[][..], Vec::as_slice);
            Ok(((chunk.boot, chunk.seq0), chunk.piece(names, &wanted)?))
        });
        let whole: HashMap<Key, Piece> = whole.await?.into_iter().collect();
        for edge in edges {
            let Some(rows) = whole.get(&edge.chunk).and_then(|chunk| part(chunk, edge.rows)) else { return Ok(None) };
            pieces.push(rows);
        }
        Ok(Some(pieces))
    }
}

/// Some of the rows of a piece of rows; `None` when it has not so many.
fn part(piece: &Piece, rows: Range<usize>) -> Option<Piece> {
    let times_us = piece.times_us.get(rows.clone())?.to_vec();
    let column = |column: &Option<Column>| column.as_ref().map(|column| column.slice(rows.start, rows.end));
    Some(Piece::of_rows(times_us, piece.columns.iter().map(column).collect()))
}

/// The buckets that reach into the window but not wholly.
fn edges_of(block: &StoredBlock, level: &Level, from_us: i64, to_us: i64) -> Vec<Edge> {
    let mut edges = Vec::new();
    let (mut chunk, mut next) = (None, 0);
    for bucket in 0..level.len() {
        let chunk_seq0 = level.chunk_seq0[bucket];
        if chunk != Some(chunk_seq0) {
            (chunk, next) = (Some(chunk_seq0), 0);
        }
        let rows = next..next + level.rows[bucket] as usize;
        next = rows.end;
        let first_us = level.from_us[bucket].saturating_add(block.tick_offset_us);
        let last_us = level.to_us[bucket].saturating_add(block.tick_offset_us);
        let is_touched = first_us <= to_us && last_us >= from_us;
        if is_touched && (first_us < from_us || last_us > to_us) {
            edges.push(Edge { chunk: (block.boot, chunk_seq0), rows });
        }
    }
    edges
}
