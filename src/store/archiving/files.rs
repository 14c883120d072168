//! The files of the archive as the database knows them: begun, stored, left.

use super::{
    BEGIN_FILE, BEGUN_BEFORE, BEGUN_US, FORGET_FILE, LEFT, LEFT_FILES, MOVE_FILE, NAME_FILE, PAGE, RELEASE, RELEASED,
};
use crate::archive::{Archive, ObjectRef};
use crate::domain::ids::{ExperimentId, StreamId};
use crate::domain::text::hexadecimal;
use crate::store::group::on_group;
use crate::store::sql::{InsertedId, on_read, on_write};
use crate::store::{Group, Store, StoreError};

impl Store {
    /// Removes files that nothing depends on: of work that was interrupted, and of experiments that came back. How many.
    ///
    /// # Errors
    /// When the archive or the database fails; what is left is found another time.
    pub async fn remove_left_files(&self, now_us: i64) -> Result<usize, StoreError> {
        let Some(archive) = self.archive.clone() else { return Ok(0) };
        on_write!(&self.db, pool, dialect => {
            sqlx::query(BEGUN_BEFORE.text(dialect))
                .bind(now_us)
                .bind(now_us.saturating_sub(BEGUN_US))
                .execute(pool)
                .await?;
        });
        let files: Vec<(i64, String)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LEFT_FILES.text(dialect)).bind(PAGE).fetch_all(pool).await?
        });
        for (id, name) in &files {
            self.remove_left_file(&archive, *id, name).await?;
        }
        Ok(files.len())
    }

    /// The file first: its row is what remembers it.
    pub(super) async fn remove_left_file(&self, archive: &Archive, id: i64, name: &str) -> Result<(), StoreError> {
        archive.remove(name).await?;
        on_write!(&self.db, pool, dialect => {
            sqlx::query(FORGET_FILE.text(dialect)).bind(id).execute(pool).await?;
        });
        Ok(())
    }

    pub(super) async fn move_file(&self, id: i64, from: &str, to: &str, now_us: i64) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let moved = group.move_file(id, from, to, now_us).await?;
        group.commit().await?;
        Ok(moved)
    }
}

impl Group {
    /// Notes a file under a name that was never used: chunks, rows and bytes it is going to have.
    pub(super) async fn begin_file(
        &mut self,
        place: &str,
        experiment: ExperimentId,
        stream: StreamId,
        (chunks, rows, bytes): (usize, i64, usize),
        sha256: &[u8],
        now_us: i64,
    ) -> Result<ObjectRef, StoreError> {
        let id = on_group!(self, conn, dialect => {
            sqlx::query(BEGIN_FILE.text(dialect))
                .bind(experiment.0)
                .bind(stream.0)
                .bind(place)
                .bind(i64::try_from(chunks).unwrap_or(i64::MAX))
                .bind(rows)
                .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
                .bind(sha256)
                .bind(now_us)
                .execute(conn)
                .await?
                .inserted_id()
        });
        // Two databases may share a place, as after a restore from a backup: the checksum keeps their files apart.
        let mark = hexadecimal(sha256.get(..4).unwrap_or_default());
        let name = format!("experiment-{experiment}/stream-{stream}-part-{id}-{mark}.parquet");
        on_group!(self, conn, dialect => {
            sqlx::query(NAME_FILE.text(dialect)).bind(&name).bind(id).execute(conn).await?;
        });
        Ok(ObjectRef { id, name, bytes: bytes as u64 })
    }

    /// Whether a file was in a state and is in another one now.
    pub(super) async fn move_file(&mut self, id: i64, from: &str, to: &str, now_us: i64) -> Result<bool, StoreError> {
        let moved = on_group!(self, conn, dialect => {
            sqlx::query(MOVE_FILE.text(dialect))
                .bind(to)
                .bind(now_us)
                .bind(id)
                .bind(from)
                .execute(conn)
                .await?
                .rows_affected()
        });
        Ok(moved == 1)
    }

    /// Notes that chunks no longer are in a file, once for each; whether nothing depends on the file any more.
    pub(in crate::store) async fn release_file(
        &mut self,
        id: i64,
        chunks: usize,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        for _ in 0..chunks {
            on_group!(self, conn, dialect => {
                sqlx::query(RELEASE.text(dialect)).bind(id).execute(conn).await?;
            });
        }
        let left = on_group!(self, conn, dialect => {
            sqlx::query(RELEASED.text(dialect)).bind(now_us).bind(id).execute(conn).await?.rows_affected()
        });
        debug_assert!(LEFT == "left", "the statement says it");
        Ok(left == 1)
    }
}
