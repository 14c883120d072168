//! Sealed chunks and their pyramid, read.

use super::{CHUNK, LEVEL_CHUNKS, LEVEL_WINDOW, ROWS_OF_CHUNKS, SPAN, StoredBlock};
use crate::domain::ids::StreamId;
use crate::series::window::Piece;
use crate::store::sql::on_read;
use crate::store::{Store, StoreError};

/// How long a chunk and a block of the pyramid of a stream last at most, µs: how far before a window one may begin and
/// still reach into it.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Span {
    chunk_us: i64,
    level_us: i64,
}

impl Span {
    /// Where the earliest blocks of a level begin that reach a moment.
    pub(in crate::store) fn before(self, level: i64, at_us: i64) -> i64 {
        at_us.saturating_sub(if level == LEVEL_CHUNKS { self.chunk_us } else { self.level_us })
    }
}

impl Store {
    /// What is sealed of a stream; `None` when nothing is.
    pub(in crate::store) async fn sealed_span(&self, stream: StreamId) -> Result<Option<Span>, StoreError> {
        let row: Option<(i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(SPAN.text(dialect)).bind(stream.0).fetch_optional(pool).await?
        });
        Ok(row.map(|(chunk_us, level_us)| Span { chunk_us, level_us }))
    }

    /// The wanted columns of every chunk that reaches into a window.
    pub(super) async fn chunk_window(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
        span: Span,
    ) -> Result<Vec<Piece>, StoreError> {
        let chunks = self.level_window(stream, LEVEL_CHUNKS, from_us, to_us, span).await?;
        let chunks = self.with_bodies(chunks).await?;
        let ids: Vec<i64> = chunks.iter().map(|chunk| chunk.column_set_id).collect();
        let sets = self.column_sets(ids).await?;
        let names = |chunk: &StoredBlock| sets.get(&chunk.column_set_id).map_or(&[][..], Vec::as_slice);
        chunks.iter().map(|chunk| chunk.piece(names(chunk), wanted)).collect()
    }

    /// The blocks of a level that reach into a window.
    pub(super) async fn level_window(
        &self,
        stream: StreamId,
        level: i64,
        from_us: i64,
        to_us: i64,
        span: Span,
    ) -> Result<Vec<StoredBlock>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LEVEL_WINDOW.text(dialect))
                .bind(stream.0)
                .bind(level)
                .bind(span.before(level, from_us))
                .bind(to_us)
                .bind(from_us)
                .fetch_all(pool)
                .await?
        }))
    }

    /// How many rows the chunks that reach into a window have, and how many chunks these are; counted up to `most` of them.
    pub(super) async fn rows_of_chunks(
        &self,
        stream: StreamId,
        from_us: i64,
        to_us: i64,
        span: Span,
        most: i64,
    ) -> Result<(i64, i64), StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ROWS_OF_CHUNKS.text(dialect))
                .bind(stream.0)
                .bind(span.before(LEVEL_CHUNKS, from_us))
                .bind(to_us)
                .bind(from_us)
                .bind(most)
                .fetch_one(pool)
                .await?
        }))
    }

    /// A chunk by its key, with its bytes; `None` when it is sealed anew meanwhile.
    pub(in crate::store) async fn chunk(
        &self,
        stream: StreamId,
        boot: i64,
        seq0: i64,
    ) -> Result<Option<StoredBlock>, StoreError> {
        match self.chunk_row(stream, boot, seq0).await? {
            Some(chunk) => self.with_body(chunk).await.map(Some),
            None => Ok(None),
        }
    }

    /// The row of a chunk by its key, which may be in the archive.
    pub(in crate::store) async fn chunk_row(
        &self,
        stream: StreamId,
        boot: i64,
        seq0: i64,
    ) -> Result<Option<StoredBlock>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(CHUNK.text(dialect)).bind(stream.0).bind(boot).bind(seq0).fetch_optional(pool).await?
        }))
    }
}
