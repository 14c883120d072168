//! Taking away what is left of imports that did not come to their end.

use super::{DROP, DROP_BLOCKS, DROP_STREAM, FIRST_BLOCKS, LEFT, Loading, STREAM_OF};
use crate::store::group::on_group;
use crate::store::sql::on_read;
use crate::store::{Store, StoreError};

impl Store {
    /// Takes away what was stored of a file.
    ///
    /// # Errors
    /// When the database fails; [`Store::sweep_imports`] tries again.
    pub async fn abandon_import(&self, loading: &Loading) -> Result<(), StoreError> {
        self.drop_import(loading.import).await
    }

    /// Takes away what imports left that nobody went on with since `before_us`, µs UTC; how many they were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_imports(&self, before_us: i64) -> Result<usize, StoreError> {
        let left: Vec<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LEFT.text(dialect)).bind(before_us).fetch_all(pool).await?
        });
        for (import,) in &left {
            self.drop_import(*import).await?;
        }
        Ok(left.len())
    }

    /// Blocks go a hundred at a time, so that nobody else waits long for the database.
    async fn drop_import(&self, import: i64) -> Result<(), StoreError> {
        let stream: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(STREAM_OF.text(dialect)).bind(import).fetch_optional(pool).await?
        });
        if let Some((stream,)) = stream {
            loop {
                let mut group = self.begin_group().await?;
                let blocks: Vec<(i64,)> = on_group!(group, conn, dialect => {
                    sqlx::query_as(FIRST_BLOCKS.text(dialect)).bind(stream).fetch_all(conn).await?
                });
                let Some((last,)) = blocks.last() else { break };
                on_group!(group, conn, dialect => {
                    sqlx::query(DROP_BLOCKS.text(dialect)).bind(stream).bind(last).execute(conn).await?;
                });
                group.commit().await?;
            }
        }
        let mut group = self.begin_group().await?;
        on_group!(group, conn, dialect => {
            if let Some((stream,)) = stream {
                sqlx::query(DROP_STREAM.text(dialect)).bind(stream).execute(&mut *conn).await?;
            }
            sqlx::query(DROP.text(dialect)).bind(import).execute(&mut *conn).await?;
        });
        group.commit().await
    }
}
