//! Reading blocks back.

use futures_util::TryStreamExt;

use super::{AFTER, WINDOW};
use crate::domain::ids::StreamId;
use crate::domain::sample::{Batch, Column, Subject, TimeBase};
use crate::series::codec::{self, ColumnValues, Rows};
use crate::series::window::Piece;
use crate::store::sql::on_read;
use crate::store::{Store, StoreError};

/// Blocks handed out at once by [`Store::stream_batches`]: a few megabytes.
const BATCHES_PER_CALL: i64 = 1_000;

/// A block as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredBlock {
    /// Where it belongs.
    pub stream_id: i64,
    /// Boot of the device.
    pub boot: i64,
    /// Number of its first row.
    pub seq0: i64,
    /// How many rows.
    pub row_count: i64,
    /// Whether its times are known in UTC.
    pub dated: bool,
    /// What to add to the times inside to get UTC, µs.
    pub tick_offset_us: i64,
    /// Names of its columns.
    pub column_set_id: i64,
    codec: i64,
    crc: i64,
    content: Vec<u8>,
}

impl StoredBlock {
    /// Number of its last row.
    #[must_use]
    pub fn last_seq(&self) -> i64 {
        self.seq0 + self.row_count - 1
    }

    /// Bytes it takes in the database.
    pub(in crate::store) fn bytes(&self) -> usize {
        self.content.len()
    }

    fn unreadable(&self, reason: String) -> StoreError {
        let what = format!("block stream {} boot {} seq {}", self.stream_id, self.boot, self.seq0);
        StoreError::Unreadable { what, reason }
    }

    pub(in crate::store) fn rows(&self, column_count: usize) -> Result<Rows, StoreError> {
        let crc = u32::try_from(self.crc).map_err(|_| self.unreadable(format!("its checksum is {}", self.crc)))?;
        let rows = codec::decode(self.codec, crc, &self.content).map_err(|error| self.unreadable(error.to_string()))?;
        let expected = usize::try_from(self.row_count).unwrap_or(usize::MAX);
        if rows.times_us.len() == expected && rows.columns.len() == column_count {
            Ok(rows)
        } else {
            let found = (rows.times_us.len(), rows.columns.len());
            Err(self.unreadable(format!("it holds {found:?} rows and columns, not {:?}", (expected, column_count))))
        }
    }

    /// The block as the device sent it: times in the clock it used.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the block is damaged or from a newer version.
    pub fn batch(&self, subject: Subject, names: &[String]) -> Result<Batch, StoreError> {
        let Rows { times_us, columns } = self.rows(names.len())?;
        let columns = names.iter().zip(columns).map(|(name, ColumnValues { values, nulls })| Column {
            name: name.clone(),
            values,
            nulls,
        });
        Ok(Batch {
            boot: u32::try_from(self.boot).map_err(|_| self.unreadable("its boot is out of range".to_owned()))?,
            seq: self.seq0,
            subject,
            base: if self.dated && self.tick_offset_us == 0 { TimeBase::Utc } else { TimeBase::Tick },
            times_us,
            columns: columns.collect(),
        })
    }

    fn piece(&self, names: &[String], wanted: &[String]) -> Result<Piece, StoreError> {
        let Rows { mut times_us, mut columns } = self.rows(names.len())?;
        for at_us in &mut times_us {
            *at_us = at_us.saturating_add(self.tick_offset_us);
        }
        let pick = |name: &String| {
            let index = names.iter().position(|known| known == name)?;
            let ColumnValues { values, nulls } = std::mem::take(columns.get_mut(index)?);
            Some(Column { name: name.clone(), values, nulls })
        };
        Ok(Piece { times_us, columns: wanted.iter().map(pick).collect() })
    }
}

impl Store {
    /// The wanted columns of every block of a stream that reaches into `from_us..=to_us`.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a block is damaged; when the database fails.
    pub async fn window(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
    ) -> Result<Vec<Piece>, StoreError> {
        let Some(latest) = self.latest(stream).await? else { return Ok(Vec::new()) };
        let mut pieces = Vec::new();
        let mut names: Option<(i64, Vec<String>)> = None;
        on_read!(&self.db, pool, dialect => {
            let mut blocks = sqlx::query_as::<_, StoredBlock>(WINDOW.text(dialect))
                .bind(stream.0)
                .bind(from_us.saturating_sub(latest.span_max_us))
                .bind(to_us)
                .bind(from_us)
                .fetch(pool);
            while let Some(block) = blocks.try_next().await? {
                let set = match names.take() {
                    Some((id, set)) if id == block.column_set_id => set,
                    _ => self.column_sets([block.column_set_id]).await?.remove(&block.column_set_id).unwrap_or_default(),
                };
                pieces.push(block.piece(&set, wanted)?);
                names = Some((block.column_set_id, set));
            }
        });
        Ok(pieces)
    }

    /// Blocks of a stream in order of (boot, seq) after the given row; at most 1,000, empty at the end.
    ///
    /// Start with `(0, -1)`.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a block is damaged; when the database fails.
    pub async fn stream_batches(&self, stream: StreamId, after: (u32, i64)) -> Result<Vec<Batch>, StoreError> {
        let Some(subject) = self.stream_subject(stream).await? else { return Ok(Vec::new()) };
        let blocks: Vec<StoredBlock> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(AFTER.text(dialect))
                .bind(stream.0)
                .bind(i64::from(after.0))
                .bind(after.1)
                .bind(i64::from(after.0))
                .bind(BATCHES_PER_CALL)
                .fetch_all(pool)
                .await?
        });
        let ids: Vec<i64> = blocks.iter().map(|block| block.column_set_id).collect();
        let sets = self.column_sets(ids).await?;
        blocks
            .iter()
            .map(|block| block.batch(subject, sets.get(&block.column_set_id).map_or(&[], Vec::as_slice)))
            .collect()
    }
}
