//! Pictures of batteries.

use serde_json::json;

use super::batteries::Battery;
use super::group::on_group;
use super::sql::{on_read, statements};
use super::{Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::BatteryId;

statements! {
    PUT = "
        INSERT INTO battery_photo (battery_id, content_type, content, stored_at_us)
        VALUES (?, ?, ?, ?)
        ON CONFLICT (battery_id) DO UPDATE SET
            content_type = excluded.content_type, content = excluded.content, stored_at_us = excluded.stored_at_us" | "
        INSERT INTO battery_photo (battery_id, content_type, content, stored_at_us)
        VALUES (?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE
            content_type = VALUES(content_type), content = VALUES(content), stored_at_us = VALUES(stored_at_us)";
    REMOVE = "
        DELETE FROM battery_photo
        WHERE battery_id = ?";
    ONE = "
        SELECT content_type, content
        FROM battery_photo
        WHERE battery_id = ?";
    WHEN = "
        SELECT stored_at_us
        FROM battery_photo
        WHERE battery_id = ?";
}

impl Store {
    /// Stores a picture in the place of the one before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_battery_photo(
        &self,
        by: &Actor,
        battery: &Battery,
        content_type: &'static str,
        content: &[u8],
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        on_group!(group, conn, dialect => {
            sqlx::query(PUT.text(dialect))
                .bind(battery.battery_id.0)
                .bind(content_type)
                .bind(content)
                .bind(now_us)
                .execute(conn)
                .await?;
        });
        let told = json!({ "content_type": content_type, "bytes": content.len() });
        let object = format!("battery {}, {}", battery.battery_id, battery.name);
        group.audit(by, &Change::new("add photo", object).to(told), now_us).await?;
        group.commit().await
    }

    /// Removes the picture; `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_battery_photo(&self, by: &Actor, battery: &Battery, now_us: i64) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let removed = on_group!(group, conn, dialect => {
            sqlx::query(REMOVE.text(dialect)).bind(battery.battery_id.0).execute(conn).await?.rows_affected()
        });
        if removed == 0 {
            return Ok(false);
        }
        let object = format!("battery {}, {}", battery.battery_id, battery.name);
        group.audit(by, &Change::new("remove photo", object), now_us).await?;
        group.commit().await?;
        Ok(true)
    }

    /// The picture of a battery: content type and bytes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn battery_photo(&self, id: BatteryId) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ONE.text(dialect)).bind(id.0).fetch_optional(pool).await?
        }))
    }

    /// When the picture of a battery was stored, µs UTC; `None` without one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn battery_photo_at(&self, id: BatteryId) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(WHEN.text(dialect)).bind(id.0).fetch_optional(pool).await?
        });
        Ok(row.map(|(at_us,)| at_us))
    }
}
