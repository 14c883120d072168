//! Saved views: lists of experiments somebody comes back to.

use super::group::on_group;
use super::sql::{InsertedId, on_read, statements};
use super::{Store, StoreError};
use crate::domain::ids::{SavedViewId, UserId};

statements! {
    OF_USER = "
        SELECT saved_view_id, name, query
        FROM saved_view
        WHERE user_id = ?
        ORDER BY saved_view_id
        LIMIT ?";
    INSERT = "
        INSERT INTO saved_view (user_id, name, query, created_at_us)
        VALUES (?, ?, ?, ?)";
    RENAME = "
        UPDATE saved_view
        SET name = ?
        WHERE saved_view_id = ? AND user_id = ?";
    DELETE = "
        DELETE FROM saved_view
        WHERE saved_view_id = ? AND user_id = ?";
}

/// Most views of one user: they stand side by side as tabs.
pub const VIEWS_MAX: usize = 20;

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SavedView {
    /// Key.
    #[sqlx(try_from = "i64")]
    pub saved_view_id: SavedViewId,
    /// Its name; one user has each name once.
    pub name: String,
    /// The query of the list's address.
    pub query: String,
}

impl Store {
    /// The views of a user, oldest first; at most [`VIEWS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn saved_views(&self, user: UserId) -> Result<Vec<SavedView>, StoreError> {
        let limit = i64::try_from(VIEWS_MAX).unwrap_or(i64::MAX);
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_USER.text(dialect)).bind(user.0).bind(limit).fetch_all(pool).await?
        }))
    }

    /// Saves a view. Views are nobody's business but their owner's: the audit log does not tell of them.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the user has one of that name, [`StoreError::Conflict`] when there are too many.
    pub async fn save_view(
        &self,
        user: UserId,
        name: &str,
        query: &str,
        now_us: i64,
    ) -> Result<SavedViewId, StoreError> {
        if self.saved_views(user).await?.len() >= VIEWS_MAX {
            return Err(StoreError::Conflict(format!("There are {VIEWS_MAX} views already. Delete one first.")));
        }
        let mut group = self.begin_group().await?;
        let done = on_group!(group, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(user.0)
                .bind(name)
                .bind(query)
                .bind(now_us)
                .execute(conn)
                .await
                .map(|done| done.inserted_id())
        });
        let id = done.map_err(|error| StoreError::or_duplicate(error, "A view named", name))?;
        group.commit().await?;
        Ok(SavedViewId(id))
    }

    /// Renames a view of a user; `false` when they have no such view.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the user has another one of that name.
    pub async fn rename_view(&self, user: UserId, view: SavedViewId, name: &str) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let done = on_group!(group, conn, dialect => {
            sqlx::query(RENAME.text(dialect))
                .bind(name)
                .bind(view.0)
                .bind(user.0)
                .execute(conn)
                .await
                .map(|done| done.rows_affected())
        });
        let renamed = done.map_err(|error| StoreError::or_duplicate(error, "A view named", name))?;
        group.commit().await?;
        Ok(renamed == 1)
    }

    /// Deletes a view of a user; `false` when they have no such view.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_view(&self, user: UserId, view: SavedViewId) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let deleted = on_group!(group, conn, dialect => {
            sqlx::query(DELETE.text(dialect)).bind(view.0).bind(user.0).execute(conn).await?.rows_affected()
        });
        group.commit().await?;
        Ok(deleted == 1)
    }
}
