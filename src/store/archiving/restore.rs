//! Bringing rows back: chunks leave the archive for the database.

use std::collections::BTreeMap;

use serde_json::json;

use super::{AWAY, CHUNKS_PER_RESTORE, KEEP, KEEP_NO_MORE, PAGE, TO_RESTORE};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::{ExperimentId, StreamId};
use crate::domain::sample::Subject;
use crate::series::codec::checksum;
use crate::store::blocks::StoredBlock;
use crate::store::failpoint;
use crate::store::group::on_group;
use crate::store::sql::{on_read, on_write};
use crate::store::{Store, StoreError};

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreDone {
    /// Chunks that came back; 0 when all are here.
    pub chunks: usize,
    /// Rows in them.
    pub rows: i64,
    /// Whether somebody changed a chunk meanwhile: nothing was done, and trying again may do it.
    pub is_disturbed: bool,
}

impl Store {
    /// Notes that an experiment is to be in the database, and to stay there; the leading server then brings it back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bring_back(&self, by: &Actor, experiment: ExperimentId, now_us: i64) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let kept = on_group!(&mut group, conn, dialect => {
            sqlx::query(KEEP.text(dialect))
                .bind(experiment.0)
                .bind(by.name.chars().take(64).collect::<String>())
                .bind(now_us)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if kept == 1 {
            group.audit(by, &Change::new("bring rows back", format!("experiment {experiment}")), now_us).await?;
        }
        group.commit().await
    }

    /// Lets an experiment be archived again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_no_more(&self, experiment: ExperimentId) -> Result<(), StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(KEEP_NO_MORE.text(dialect)).bind(experiment.0).execute(pool).await?;
        });
        Ok(())
    }

    /// Experiments that are to be in the database and of which something is in the archive, some.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn experiments_to_restore(&self) -> Result<Vec<ExperimentId>, StoreError> {
        let rows: Vec<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(TO_RESTORE.text(dialect)).bind(PAGE).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(id,)| ExperimentId(id)).collect())
    }

    /// Brings the next chunks of an experiment back.
    ///
    /// # Errors
    /// [`StoreError::Archive`] when a file is not there or damaged: what is in it stays where it is. When the database
    /// fails.
    pub async fn restore_part(&self, experiment: ExperimentId, now_us: i64) -> Result<RestoreDone, StoreError> {
        for stream in self.subject_streams(Subject::Experiment(experiment)).await? {
            let done = self.restore_chunks(stream, now_us).await?;
            if done.chunks > 0 || done.is_disturbed {
                return Ok(done);
            }
        }
        Ok(RestoreDone::default())
    }

    async fn restore_chunks(&self, stream: StreamId, now_us: i64) -> Result<RestoreDone, StoreError> {
        let away: Vec<StoredBlock> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(AWAY.text(dialect)).bind(stream.0).bind(CHUNKS_PER_RESTORE).fetch_all(pool).await?
        });
        let mut back = Vec::with_capacity(away.len());
        let mut released: BTreeMap<i64, usize> = BTreeMap::new();
        for chunk in away {
            let Some(stub) = chunk.stub()? else { continue };
            let whole = self.with_body(chunk.clone()).await?;
            *released.entry(stub.object).or_default() += 1;
            back.push((chunk, whole));
        }
        if back.is_empty() {
            return Ok(RestoreDone::default());
        }
        let mut group = self.begin_group().await?;
        let mut done = RestoreDone { chunks: back.len(), ..RestoreDone::default() };
        for (chunk, whole) in &back {
            debug_assert_eq!(i64::from(checksum(whole.content())), whole.crc());
            if !group.replace_chunk(chunk, whole.codec(), whole.content()).await? {
                return Ok(RestoreDone { is_disturbed: true, ..RestoreDone::default() });
            }
            done.rows += chunk.row_count;
        }
        let mut left = Vec::new();
        for (file, chunks) in &released {
            if group.release_file(*file, *chunks, now_us).await? {
                left.push(*file);
            }
        }
        group.offer_again(stream).await?;
        let told = json!({ "stream": stream, "chunks": done.chunks, "rows": done.rows, "files_left": left });
        let change = Change::new("restore rows", format!("stream {stream}")).to(told);
        group.audit(&Actor::server("archive"), &change, now_us).await?;
        failpoint!("restore", "before-commit");
        group.commit().await?;
        failpoint!("restore", "after-commit");
        Ok(done)
    }
}
