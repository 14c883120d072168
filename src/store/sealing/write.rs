//! The transaction of a sealing.

use std::sync::LazyLock;

use super::{Kind, NewChunk, Work};
use crate::domain::ids::DeviceId;
use crate::series::chunk::pack_ranges;
use crate::series::pyramid::Level;
use crate::series::ranges::RangeSet;
use crate::store::blocks::LEVEL_CHUNKS;
use crate::store::group::on_group;
use crate::store::sql::statements;
use crate::store::{Group, Store, StoreError};

statements! {
    INSERT = "
        INSERT INTO block
            (stream_id, level, boot, seq0, row_count, at0_us, at1_us, dated, tick_offset_us, received_at_us, column_set_id,
             codec, crc, content, seq1)
        VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)";
    DELETE = "
        DELETE FROM block
        WHERE stream_id = ? AND level = ? AND boot = ? AND seq0 = ? AND crc = ?";
    LOCK_ROWS = "
        SELECT boot
        FROM sealed_rows
        WHERE device_id = ? AND boot = ?" | "
        SELECT boot
        FROM sealed_rows
        WHERE device_id = ? AND boot = ?
        FOR UPDATE";
    SET_ROWS = "
        INSERT INTO sealed_rows (device_id, boot, ranges)
        VALUES (?, ?, ?)
        ON CONFLICT (device_id, boot) DO UPDATE SET ranges = excluded.ranges" | "
        INSERT INTO sealed_rows (device_id, boot, ranges)
        VALUES (?, ?, ?)
        ON DUPLICATE KEY UPDATE ranges = VALUES(ranges)";
    ADD_TOTAL = "
        INSERT INTO stream_seal (stream_id, row_total, chunk_span_us, level_span_us, sealed_at_us)
        VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (stream_id) DO UPDATE SET
            row_total = stream_seal.row_total + excluded.row_total,
            chunk_span_us = MAX(stream_seal.chunk_span_us, excluded.chunk_span_us),
            level_span_us = MAX(stream_seal.level_span_us, excluded.level_span_us),
            sealed_at_us = excluded.sealed_at_us" | "
        INSERT INTO stream_seal (stream_id, row_total, chunk_span_us, level_span_us, sealed_at_us)
        VALUES (?, ?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE
            row_total = row_total + VALUES(row_total),
            chunk_span_us = GREATEST(chunk_span_us, VALUES(chunk_span_us)),
            level_span_us = GREATEST(level_span_us, VALUES(level_span_us)),
            sealed_at_us = VALUES(sealed_at_us)";
}

/// Journal blocks removed by one statement, largest first. Whole keys: on MariaDB a range would lock the place where the
/// next row of the stream is to be stored.
const DELETE_ROWS: [usize; 4] = [512, 64, 8, 1];

static DELETES: LazyLock<[String; 4]> = LazyLock::new(|| {
    DELETE_ROWS.map(|rows| {
        let places = vec!["?"; rows].join(", ");
        format!("DELETE FROM block WHERE stream_id = ? AND level = 0 AND boot = ? AND seq0 IN ({places})")
    })
});

/// A block of a level above the journal.
pub(super) struct Row<'a> {
    pub(super) level: i64,
    pub(super) seq0: i64,
    pub(super) seq1: i64,
    pub(super) row_count: i64,
    pub(super) at0_us: i64,
    pub(super) at1_us: i64,
    pub(super) codec: i64,
    pub(super) crc: u32,
    pub(super) content: &'a [u8],
}

impl Store {
    /// Stores what was prepared; `false` when the journal or a chunk is no longer what it was made of.
    pub(super) async fn store_chunks(&self, work: Work, now_us: i64) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let began = std::time::Instant::now();
        let kind = work.kind;
        if !group.remove_sources(&work, now_us).await? {
            return Ok(false);
        }
        let mut chunk_span_us = 0;
        for chunk in &work.chunks {
            group.insert_chunk(&work, chunk, now_us).await?;
            chunk_span_us = chunk_span_us.max(chunk.at1_us - chunk.at0_us);
        }
        let mut level_span_us = 0;
        for fold in &work.folds {
            if !group.apply_fold(kind, fold, work.packing.codec(), now_us).await? {
                return Ok(false);
            }
            level_span_us = level_span_us.max(fold.span_us());
        }
        group.add_sealed_rows(&work.device, kind.boot, &work.sealed).await?;
        let rows = i64::try_from(work.journal_rows).unwrap_or(i64::MAX);
        on_group!(&mut group, conn, dialect => {
            sqlx::query(ADD_TOTAL.text(dialect))
                .bind(kind.stream.0)
                .bind(rows)
                .bind(chunk_span_us)
                .bind(level_span_us)
                .bind(now_us)
                .execute(conn)
                .await?;
        });
        crate::store::failpoint!("seal", "before-commit");
        let changed = began.elapsed();
        group.commit().await?;
        tracing::debug!(rows, chunks = work.chunks.len(), ?changed, held = ?began.elapsed(), "sealed");
        crate::store::failpoint!("seal", "after-commit");
        Ok(true)
    }
}

impl Group {
    async fn remove_sources(&mut self, work: &Work, now_us: i64) -> Result<bool, StoreError> {
        let kind = work.kind;
        let mut rest = work.journal.as_slice();
        while !rest.is_empty() {
            let (size, text) = DELETE_ROWS
                .iter()
                .zip(DELETES.iter())
                .find(|(size, _)| **size <= rest.len())
                .map_or((1, ""), |(size, text)| (*size, text.as_str()));
            let (now, later) = rest.split_at(size);
            let removed = on_group!(self, conn, _dialect => {
                let mut query = sqlx::query(text).bind(kind.stream.0).bind(kind.boot);
                for seq0 in now {
                    query = query.bind(seq0);
                }
                query.execute(conn).await?.rows_affected()
            });
            if usize::try_from(removed) != Ok(size) {
                return Ok(false);
            }
            rest = later;
        }
        for (seq0, crc) in work.replaced.iter().zip(&work.replaced_crcs) {
            let removed = self.remove_same(kind, LEVEL_CHUNKS, *seq0, *crc).await?;
            if removed != 1 {
                return Ok(false);
            }
        }
        for file in &work.released {
            self.release_file(*file, 1, now_us).await?;
        }
        Ok(true)
    }

    /// Removes a block if it has this checksum; how many that were.
    pub(super) async fn remove_same(&mut self, kind: Kind, level: i64, seq0: i64, crc: i64) -> Result<u64, StoreError> {
        Ok(on_group!(self, conn, dialect => {
            sqlx::query(DELETE.text(dialect))
                .bind(kind.stream.0)
                .bind(level)
                .bind(kind.boot)
                .bind(seq0)
                .bind(crc)
                .execute(conn)
                .await?
                .rows_affected()
        }))
    }

    async fn insert_chunk(&mut self, work: &Work, chunk: &NewChunk, now_us: i64) -> Result<(), StoreError> {
        let row_count = i64::try_from(chunk.row_count).unwrap_or(i64::MAX);
        let row = Row {
            level: LEVEL_CHUNKS,
            seq0: chunk.seq0,
            seq1: chunk.seq1,
            row_count,
            at0_us: chunk.at0_us,
            at1_us: chunk.at1_us,
            codec: work.packing.codec(),
            crc: chunk.crc,
            content: &chunk.content,
        };
        self.insert_block(work.kind, &row, now_us).await
    }

    pub(super) async fn insert_block(&mut self, kind: Kind, row: &Row<'_>, now_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(kind.stream.0)
                .bind(row.level)
                .bind(kind.boot)
                .bind(row.seq0)
                .bind(row.row_count)
                .bind(row.at0_us)
                .bind(row.at1_us)
                .bind(kind.tick_offset_us)
                .bind(now_us)
                .bind(kind.column_set_id)
                .bind(row.codec)
                .bind(i64::from(row.crc))
                .bind(row.content)
                .bind(row.seq1)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    async fn add_sealed_rows(&mut self, device: &DeviceId, boot: i64, sealed: &[(i64, i64)]) -> Result<(), StoreError> {
        // On MariaDB the row is locked, so that two streams of a device add one after the other.
        let _: Option<(i64,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(LOCK_ROWS.text(dialect)).bind(device.as_str()).bind(boot).fetch_optional(conn).await?
        });
        let of_boot = u32::try_from(boot).unwrap_or(u32::MAX);
        let mut rows: RangeSet = self.sealed_rows(device, of_boot).await?.into_iter().collect();
        for (first, last) in sealed {
            rows.insert(*first, *last);
        }
        let bytes = pack_ranges(rows.ranges());
        on_group!(self, conn, dialect => {
            sqlx::query(SET_ROWS.text(dialect))
                .bind(device.as_str())
                .bind(boot)
                .bind(&bytes)
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}

/// Bounds of a level in UTC, and the rows it stands for.
pub(super) fn extent(level: &Level, tick_offset_us: i64) -> (i64, i64, i64) {
    let utc = |at_us: Option<&i64>| at_us.map_or(0, |at_us| at_us.saturating_add(tick_offset_us));
    let rows = level.rows.iter().map(|rows| i64::from(*rows)).sum();
    (utc(level.from_us.iter().min()), utc(level.to_us.iter().max()), rows)
}
