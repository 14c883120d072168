//! Leases: work that one server at a time does for all that share the database.
//!
//! Whoever holds a lease renews it before it ends. Whoever takes it over raises its epoch, which every command carries, so
//! that a device can tell an order of an earlier holder from one of the present holder.

use super::sql::{on_read, on_write, statements};
use super::{Store, StoreError};

statements! {
    /// The epoch goes on where versions before the lease counted, so that devices do not take the first one for old.
    MAKE = "
        INSERT OR IGNORE INTO lease (name, owner, epoch, until_us)
        SELECT ?, '', epoch, 0
        FROM server
        WHERE server_id = 1" | "
        INSERT IGNORE INTO lease (name, owner, epoch, until_us)
        SELECT ?, '', epoch, 0
        FROM server
        WHERE server_id = 1";
    ONE = "
        SELECT owner, epoch, until_us
        FROM lease
        WHERE name = ?";
    TAKE = "
        UPDATE lease
        SET owner = ?, epoch = epoch + 1, until_us = ?
        WHERE name = ? AND owner = ? AND epoch = ? AND until_us = ?";
    RENEW = "
        UPDATE lease
        SET until_us = ?
        WHERE name = ? AND owner = ? AND epoch = ?";
    GIVE_UP = "
        UPDATE lease
        SET owner = '', until_us = 0
        WHERE name = ? AND owner = ? AND epoch = ?";
}

/// The lease of the server that leads: it schedules, sends and watches for all.
pub const LEADER: &str = "leader";

/// A lease as it stands in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it, or held it last; empty when it was given up.
    pub owner: String,
    /// How often it changed hands.
    pub epoch: i64,
    /// Until when, µs UTC of the holder's clock.
    pub until_us: i64,
}

impl Store {
    /// A lease as it stands. One that nobody ever held is made first, free.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease(&self, name: &str) -> Result<Lease, StoreError> {
        if let Some(lease) = self.known_lease(name).await? {
            return Ok(lease);
        }
        on_write!(&self.db, pool, dialect => {
            sqlx::query(MAKE.text(dialect)).bind(name).execute(pool).await?;
        });
        self.known_lease(name)
            .await?
            .ok_or_else(|| StoreError::Missing { what: "row in the table server for the lease", name: name.to_owned() })
    }

    async fn known_lease(&self, name: &str) -> Result<Option<Lease>, StoreError> {
        let row: Option<(String, i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ONE.text(dialect)).bind(name).fetch_optional(pool).await?
        });
        Ok(row.map(|(owner, epoch, until_us)| Lease { owner, epoch, until_us }))
    }

    /// Takes a lease over from what it was `seen` to be, in a new epoch, which is returned; `None` when somebody else was
    /// faster.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_lease(
        &self,
        name: &str,
        seen: &Lease,
        owner: &str,
        until_us: i64,
    ) -> Result<Option<i64>, StoreError> {
        let taken = on_write!(&self.db, pool, dialect => {
            sqlx::query(TAKE.text(dialect))
                .bind(owner)
                .bind(until_us)
                .bind(name)
                .bind(&seen.owner)
                .bind(seen.epoch)
                .bind(seen.until_us)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok((taken == 1).then_some(seen.epoch + 1))
    }

    /// Keeps a lease longer; `false` when it is somebody else's meanwhile.
    ///
    /// # Errors
    /// When the database fails; whether it is kept is not known then.
    pub async fn renew_lease(&self, name: &str, owner: &str, epoch: i64, until_us: i64) -> Result<bool, StoreError> {
        let kept = on_write!(&self.db, pool, dialect => {
            sqlx::query(RENEW.text(dialect))
                .bind(until_us)
                .bind(name)
                .bind(owner)
                .bind(epoch)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(kept == 1)
    }

    /// Gives a lease up, so that another server need not wait for its end.
    ///
    /// # Errors
    /// When the database fails; it ends by itself then.
    pub async fn give_up_lease(&self, name: &str, owner: &str, epoch: i64) -> Result<(), StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(GIVE_UP.text(dialect)).bind(name).bind(owner).bind(epoch).execute(pool).await?;
        });
        Ok(())
    }
}
