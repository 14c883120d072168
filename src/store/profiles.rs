//! Profiles.

use super::sql::{InsertedId, on_read, on_write, statements};
use super::{Store, StoreError};
use crate::domain::ids::ProfileId;
use crate::domain::profile::Steps;

statements! {
    INSERT = "
        INSERT INTO profile (name, steps_json, created_at_us)
        VALUES (?, ?, ?)";
    BY_NAME = "
        SELECT profile_id
        FROM profile
        WHERE name = ?";
}

impl Store {
    /// Stores a profile.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn add_profile(&self, name: &str, steps: &Steps, now_us: i64) -> Result<ProfileId, StoreError> {
        let steps_json = to_json(steps)?;
        let done = on_write!(&self.db, pool, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(name)
                .bind(&steps_json)
                .bind(now_us)
                .execute(pool)
                .await
                .map(|done| done.inserted_id())
        });
        done.map(ProfileId).map_err(|error| StoreError::or_duplicate(error, "A profile named", name))
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_named(&self, name: &str) -> Result<Option<ProfileId>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_NAME.text(dialect)).bind(name).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| ProfileId(id)))
    }
}

fn to_json(steps: &Steps) -> Result<String, StoreError> {
    serde_json::to_string(steps).map_err(|error| StoreError::Unreadable {
        what: "a profile to be stored".to_owned(),
        reason: error.to_string(),
    })
}

/// Steps as stored; `what` names the row for the error.
pub(super) fn from_json(json: &str, what: impl FnOnce() -> String) -> Result<Steps, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Unreadable { what: what(), reason: error.to_string() })
}
