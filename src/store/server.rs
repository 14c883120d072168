//! The server's own row, and whether the database answers.

use super::sql::{on_read, on_write, statements};
use super::{Store, StoreError};

statements! {
    NEXT_EPOCH = "
        UPDATE server
        SET epoch = epoch + 1
        WHERE server_id = 1";
    EPOCH = "
        SELECT epoch
        FROM server
        WHERE server_id = 1";
}

impl Store {
    /// Starts a new epoch and returns it: every command carries it, and devices refuse lower ones.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_epoch(&self) -> Result<i64, StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(NEXT_EPOCH.text(dialect)).execute(pool).await?;
        });
        self.epoch().await
    }

    /// The present epoch; also the cheapest question to see whether the database answers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn epoch(&self) -> Result<i64, StoreError> {
        let (epoch,): (i64,) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(EPOCH.text(dialect)).fetch_one(pool).await?
        });
        Ok(epoch)
    }
}
