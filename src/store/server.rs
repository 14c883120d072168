//! Whether the database answers.

use super::sql::{on_read, statements};
use super::{Store, StoreError};

statements! {
    /// The epoch of versions before the lease; the lease goes on from there.
    PING = "
        SELECT epoch
        FROM server
        WHERE server_id = 1";
}

impl Store {
    /// The cheapest question to see whether the database answers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let (_,): (i64,) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(PING.text(dialect)).fetch_one(pool).await?
        });
        Ok(())
    }
}
