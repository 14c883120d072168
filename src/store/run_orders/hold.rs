//! Holding the queue of a station: what waits there is not started until somebody releases it.

use serde_json::json;

use crate::domain::audit::{Actor, Change};
use crate::domain::ids::StationId;
use crate::store::group::on_group;
use crate::store::sql::{on_read, statements};
use crate::store::{Store, StoreError};

statements! {
    HOLD = "
        UPDATE station
        SET held_by = ?, held_at_us = ?, held_reason = ?
        WHERE station_id = ? AND held_by IS NULL";
    RELEASE = "
        UPDATE station
        SET held_by = NULL, held_at_us = NULL, held_reason = NULL
        WHERE station_id = ? AND held_by IS NOT NULL";
    HELD = "
        SELECT held_by, held_at_us, held_reason
        FROM station
        WHERE station_id = ?";
}

/// Longest reason kept, in characters.
const REASON_MAX: usize = 500;

/// A queue that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Who holds it.
    pub by: String,
    /// Since when, µs UTC.
    pub at_us: i64,
    /// Why; may be empty.
    pub reason: String,
}

impl Store {
    /// Holds the queue of a station, or releases it; `false` when it was so already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hold_queue(
        &self,
        by: &Actor,
        station: StationId,
        hold: bool,
        reason: &str,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let reason: String = reason.chars().take(REASON_MAX).collect();
        let mut group = self.begin_group().await?;
        let changed = if hold {
            on_group!(group, conn, dialect => {
                sqlx::query(HOLD.text(dialect))
                    .bind(by.name.chars().take(64).collect::<String>())
                    .bind(now_us)
                    .bind(&reason)
                    .bind(station.0)
                    .execute(conn)
                    .await?
                    .rows_affected()
            })
        } else {
            on_group!(group, conn, dialect => {
                sqlx::query(RELEASE.text(dialect)).bind(station.0).execute(conn).await?.rows_affected()
            })
        };
        if changed == 0 {
            return Ok(false);
        }
        let action = if hold { "hold queue" } else { "release queue" };
        let told = Change::new(action, format!("station {station}")).to(json!({ "held": hold })).because(&reason);
        group.audit(by, &told, now_us).await?;
        group.commit().await?;
        Ok(true)
    }

    /// Who holds the queue of a station, if anybody does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_queue(&self, station: StationId) -> Result<Option<Hold>, StoreError> {
        let row: Option<(Option<String>, Option<i64>, Option<String>)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(HELD.text(dialect)).bind(station.0).fetch_optional(pool).await?
        });
        Ok(row.and_then(|(by, at_us, reason)| {
            Some(Hold { by: by?, at_us: at_us.unwrap_or(0), reason: reason.unwrap_or_default() })
        }))
    }
}
