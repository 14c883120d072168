//! Sealed chunks and their pyramid, read.

use super::unpack::unpacked;
use super::{CHUNK, LEVEL_CHUNKS, LEVEL_WINDOW, ROWS_OF_CHUNKS, StoredBlock, TWO_CHUNKS};
use crate::domain::ids::StreamId;
use crate::series::window::Piece;
use crate::store::sql::on_read;
use crate::store::{Store, StoreError};

/// The earliest moment a window may begin, µs: the database takes the length of a block away from it, which must not run over.
const EARLIEST_US: i64 = i64::MIN / 2;

/// A moment from which a length can be taken away.
pub(in crate::store) fn earliest(at_us: i64) -> i64 {
    at_us.max(EARLIEST_US)
}

/// A chunk by its key in a stream: boot, and number of its first row.
pub(super) type Key = (i64, i64);

impl Store {
    /// The wanted columns of every chunk that reaches into a window.
    pub(super) async fn chunk_window(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
    ) -> Result<Vec<Piece>, StoreError> {
        let chunks = self.level_window(stream, LEVEL_CHUNKS, from_us, to_us).await?;
        let chunks = self.with_bodies(chunks).await?;
        let ids: Vec<i64> = chunks.iter().map(|chunk| chunk.column_set_id).collect();
        let (sets, wanted) = (self.column_sets(ids).await?, wanted.to_vec());
        unpacked(chunks, move |chunk| {
            chunk.piece(sets.get(&chunk.column_set_id).map_or(&[][..], Vec::as_slice), &wanted)
        })
        .await
    }

    /// The blocks of a level that reach into a window.
    pub(super) async fn level_window(
        &self,
        stream: StreamId,
        level: i64,
        from_us: i64,
        to_us: i64,
    ) -> Result<Vec<StoredBlock>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LEVEL_WINDOW.text(dialect))
                .bind(stream.0)
                .bind(level)
                .bind(earliest(from_us))
                .bind(level)
                .bind(stream.0)
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
        most: i64,
    ) -> Result<(i64, i64), StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ROWS_OF_CHUNKS.text(dialect))
                .bind(stream.0)
                .bind(earliest(from_us))
                .bind(stream.0)
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

    /// Chunks by their keys, with their bytes; those that are sealed anew meanwhile are missing.
    pub(super) async fn chunks(&self, stream: StreamId, keys: &[Key]) -> Result<Vec<StoredBlock>, StoreError> {
        let mut chunks = Vec::with_capacity(keys.len());
        // A window has two edges, each in a chunk.
        for pair in keys.chunks(2) {
            let [one, other] = *pair else {
                for (boot, seq0) in pair {
                    chunks.extend(self.chunk_row(stream, *boot, *seq0).await?);
                }
                continue;
            };
            let found: Vec<StoredBlock> = on_read!(&self.db, pool, dialect => {
                let both = sqlx::query_as(TWO_CHUNKS.text(dialect)).bind(stream.0).bind(one.0).bind(one.1);
                both.bind(stream.0).bind(other.0).bind(other.1).fetch_all(pool).await?
            });
            chunks.extend(found);
        }
        self.with_bodies(chunks).await
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
