//! What a laboratory has from its first day.

use super::group::on_group;
use super::profiles::NewProfile;
use super::sql::statements;
use super::{Store, StoreError};
use crate::domain::profile::{examples, text};

statements! {
    VIRTUAL = "
        SELECT COUNT(*)
        FROM station
        WHERE is_virtual = 1";
    INSERT = "
        INSERT INTO station (name, live_name, description, is_virtual, created_at_us, updated_at_us)
        VALUES (?, ?, ?, 1, ?, ?)";
}

/// The station of experiments that were measured elsewhere.
pub const VIRTUAL_STATION: &str = "Virtual";

impl Store {
    /// Adds what every laboratory begins with, at the first start on a database; `true` if it was that. The audit log tells
    /// nothing of it: it is nobody's change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn seed(&self, now_us: i64) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        // Two servers that start at once on one database: the second waits here.
        group.lock_devices().await?;
        let (count,): (i64,) =
            on_group!(group, conn, dialect => sqlx::query_as(VIRTUAL.text(dialect)).fetch_one(conn).await?);
        if count > 0 {
            return Ok(false);
        }
        let inserted = on_group!(group, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(VIRTUAL_STATION)
                .bind(VIRTUAL_STATION)
                .bind("Holds experiments that were measured elsewhere and imported.")
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await
                .map(|_| ())
        });
        match inserted.map_err(|error| StoreError::or_duplicate(error, "A station named", VIRTUAL_STATION)) {
            Ok(()) => {}
            // A laboratory of an earlier version has given the name away.
            Err(StoreError::Duplicate { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        for example in examples() {
            let program = text::read(example.text).map_err(|faults| StoreError::Unreadable {
                what: format!("the example profile “{}”", example.name),
                reason: format!("{faults:?}"),
            })?;
            let profile = NewProfile {
                name: example.name.to_owned(),
                description: example.description.to_owned(),
                program,
                text: example.text.to_owned(),
            };
            match group.insert_profile(&profile, None, now_us).await {
                // A laboratory of an earlier version has one of that name.
                Ok(_) | Err(StoreError::Duplicate { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        group.commit().await?;
        Ok(true)
    }
}
