//! Storing blocks, and what a group must know of those already there.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::{DATE_BLOCKS, EXTENT, LEVEL_JOURNAL, OVERLAPPING, OVERLAPPING_CHUNKS, RANGES, SEALED_RANGES, StoredBlock};
use crate::domain::ids::{DeviceId, StreamId};
use crate::domain::sample::BATCH_ROWS_MAX;
use crate::series::chunk::unpack_ranges;
use crate::series::codec::CODEC_JOURNAL;
use crate::series::ranges::RangeSet;
use crate::store::group::on_group;
use crate::store::many::Many;
use crate::store::{Group, StoreError};

/// Stores blocks.
pub(in crate::store) static INSERT: LazyLock<Many> = LazyLock::new(|| {
    let head = "INSERT INTO block (stream_id, level, boot, seq0, row_count, at0_us, at1_us, dated, tick_offset_us, \
                received_at_us, column_set_id, codec, crc, content) VALUES";
    Many::new(head, &format!("(?, {LEVEL_JOURNAL}, ?, ?, ?, ?, ?, ?, ?, ?, ?, {CODEC_JOURNAL}, ?, ?)"), "", "")
});

/// A journal block to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBlock<'a> {
    /// Where it belongs.
    pub stream: StreamId,
    /// Boot of the device.
    pub boot: u32,
    /// Number of its first row.
    pub seq0: i64,
    /// How many rows.
    pub row_count: usize,
    /// Earliest time, µs UTC; device ticks while not dated.
    pub at0_us: i64,
    /// Latest time, likewise.
    pub at1_us: i64,
    /// Whether the times are known in UTC.
    pub dated: bool,
    /// What to add to the times inside to get UTC, µs.
    pub tick_offset_us: i64,
    /// When the server took it, µs UTC.
    pub received_at_us: i64,
    /// Names of its columns.
    pub column_set_id: i64,
    /// CRC-32 of the content.
    pub crc: u32,
    /// Bytes of the journal codec.
    pub content: Cow<'a, [u8]>,
}

impl Group {
    /// Stores blocks, many per statement.
    ///
    /// # Errors
    /// When the database fails, or a block with the same key is there ([`StoreError::is_duplicate`]).
    pub async fn insert_blocks(&mut self, mut blocks: &[NewBlock<'_>]) -> Result<(), StoreError> {
        while !blocks.is_empty() {
            blocks = on_group!(self, conn, dialect => {
                let (text, now, later) = INSERT.split(dialect, blocks);
                let mut query = sqlx::query(text);
                for block in now {
                    query = query
                        .bind(block.stream.0)
                        .bind(i64::from(block.boot))
                        .bind(block.seq0)
                        .bind(i64::try_from(block.row_count).unwrap_or(i64::MAX))
                        .bind(block.at0_us)
                        .bind(block.at1_us)
                        .bind(block.dated)
                        .bind(block.tick_offset_us)
                        .bind(block.received_at_us)
                        .bind(block.column_set_id)
                        .bind(i64::from(block.crc))
                        .bind(block.content.as_ref());
                }
                query.execute(conn).await?;
                later
            });
        }
        Ok(())
    }

    /// Which rows of a boot are stored, over all streams of the device.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn committed_rows(&mut self, device: &DeviceId, boot: u32) -> Result<RangeSet, StoreError> {
        let mut rows: RangeSet = self.sealed_rows(device, boot).await?.into_iter().collect();
        for (first, last) in self.journal_rows(device, boot).await? {
            rows.insert(first, last);
        }
        Ok(rows)
    }

    /// Which rows of a boot are in sealed chunks, over all streams of the device.
    pub(in crate::store) async fn sealed_rows(
        &mut self,
        device: &DeviceId,
        boot: u32,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let sealed: Option<(Vec<u8>,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(SEALED_RANGES.text(dialect))
                .bind(device.as_str())
                .bind(i64::from(boot))
                .fetch_optional(conn)
                .await?
        });
        let Some((bytes,)) = sealed else { return Ok(Vec::new()) };
        unpack_ranges(&bytes).map_err(|error| StoreError::Unreadable {
            what: format!("the sealed rows of {device} boot {boot}"),
            reason: error.to_string(),
        })
    }

    async fn journal_rows(&mut self, device: &DeviceId, boot: u32) -> Result<Vec<(i64, i64)>, StoreError> {
        let extent: (Option<i64>, Option<i64>, Option<i64>) = on_group!(self, conn, dialect => {
            sqlx::query_as(EXTENT.text(dialect)).bind(device.as_str()).bind(i64::from(boot)).fetch_one(conn).await?
        });
        let (Some(first), Some(last), Some(rows)) = extent else { return Ok(Vec::new()) };
        if last - first + 1 == rows {
            return Ok(vec![(first, last)]);
        }
        Ok(on_group!(self, conn, dialect => {
            sqlx::query_as(RANGES.text(dialect)).bind(device.as_str()).bind(i64::from(boot)).fetch_all(conn).await?
        }))
    }

    /// The stored blocks that hold any of the rows `from..=to` of a boot, whatever stream they went to. One whose rows are in
    /// an archive that does not answer comes without them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn blocks_with_rows(
        &mut self,
        device: &DeviceId,
        boot: u32,
        from: i64,
        to: i64,
    ) -> Result<Vec<StoredBlock>, StoreError> {
        let longest = i64::try_from(BATCH_ROWS_MAX).unwrap_or(i64::MAX);
        let blocks: Vec<StoredBlock> = on_group!(self, conn, dialect => {
            sqlx::query_as(OVERLAPPING.text(dialect))
                .bind(device.as_str())
                .bind(i64::from(boot))
                .bind(from.saturating_sub(longest))
                .bind(to)
                .fetch_all(conn)
                .await?
        });
        let chunks: Vec<StoredBlock> = on_group!(self, conn, dialect => {
            sqlx::query_as(OVERLAPPING_CHUNKS.text(dialect))
                .bind(device.as_str())
                .bind(i64::from(boot))
                .bind(to)
                .bind(from)
                .fetch_all(conn)
                .await?
        });
        let mut found: Vec<StoredBlock> = blocks.into_iter().filter(|block| block.last_seq() >= from).collect();
        for chunk in chunks {
            found.push(self.with_body_soon(chunk).await?);
        }
        Ok(found)
    }

    /// Gives the blocks of a boot that was just dated their place in time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn date_blocks(&mut self, device: &DeviceId, boot: u32, offset_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(DATE_BLOCKS.text(dialect))
                .bind(offset_us)
                .bind(offset_us)
                .bind(offset_us)
                .bind(i64::from(boot))
                .bind(device.as_str())
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}
