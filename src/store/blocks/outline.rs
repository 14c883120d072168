//! A window as far as the database alone can draw it, while the archive does not give its rows.

use super::drawn::{CHUNKS_COUNTED_MAX, LEVEL_1_ROWS_MAX};
use super::{LEVEL_1, LEVEL_2, StoredBlock};
use crate::archive::ArchiveError;
use crate::domain::ids::StreamId;
use crate::series::window::Piece;
use crate::store::{Store, StoreError};

impl Store {
    /// [`Store::drawn_window`]; when rows are missing because of the archive, lowest and highest values of the buckets that
    /// lie within the window, and why there is no more.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a block is damaged; when the database fails.
    pub async fn drawn_or_outlined(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
    ) -> Result<(Vec<Piece>, Option<ArchiveError>), StoreError> {
        match self.drawn_window(stream, wanted, from_us, to_us).await {
            Ok(pieces) => Ok((pieces, None)),
            Err(StoreError::Archive(error)) => Ok((self.outlined(stream, wanted, from_us, to_us).await?, Some(error))),
            Err(error) => Err(error),
        }
    }

    async fn outlined(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
    ) -> Result<Vec<Piece>, StoreError> {
        let mut pieces = self.journal_window(stream, wanted, from_us, to_us).await?;
        let (rows, chunks) = self.rows_of_chunks(stream, from_us, to_us, CHUNKS_COUNTED_MAX).await?;
        let level = if rows > LEVEL_1_ROWS_MAX || chunks == CHUNKS_COUNTED_MAX { LEVEL_2 } else { LEVEL_1 };
        let blocks: Vec<StoredBlock> = self.level_window(stream, level, from_us, to_us).await?;
        let ids: Vec<i64> = blocks.iter().map(|block| block.column_set_id).collect();
        let sets = self.column_sets(ids).await?;
        for block in &blocks {
            let names = sets.get(&block.column_set_id).map_or(&[][..], Vec::as_slice);
            let places: Vec<Option<usize>> =
                wanted.iter().map(|name| names.iter().position(|known| known == name)).collect();
            pieces.push(Piece::of_level(&block.level(&places)?, block.tick_offset_us, from_us, to_us));
        }
        Ok(pieces)
    }
}
