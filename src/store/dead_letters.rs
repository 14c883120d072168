//! Dead letters: messages nobody could use, kept byte for byte up to a share per device and day.

use super::group::on_group;
use super::sql::{on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::ids::DeviceId;

/// What one device may fill per day; beyond it messages are only counted, so that a broken one cannot fill the disk.
pub const DAY_BYTES_MAX: i64 = 10_000_000;
/// Longest stored topic and reason, in characters.
const TEXT_MAX: usize = 512;
const DAY_US: i64 = 86_400_000_000;

statements! {
    INSERT = "
        INSERT INTO dead_letter (device_id, received_at_us, topic, reason, payload)
        VALUES (?, ?, ?, ?, ?)";
    DAY = "
        SELECT kept_bytes, over_count
        FROM dead_letter_day
        WHERE device_id = ? AND day = ?";
    COUNT_DAY = "
        INSERT INTO dead_letter_day (device_id, day, kept_bytes, kept_count, over_count)
        VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (device_id, day) DO UPDATE SET
            kept_bytes = kept_bytes + excluded.kept_bytes,
            kept_count = kept_count + excluded.kept_count,
            over_count = over_count + excluded.over_count" | "
        INSERT INTO dead_letter_day (device_id, day, kept_bytes, kept_count, over_count)
        VALUES (?, ?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE
            kept_bytes = kept_bytes + VALUES(kept_bytes),
            kept_count = kept_count + VALUES(kept_count),
            over_count = over_count + VALUES(over_count)";
    NEWEST = "
        SELECT device_id, received_at_us, topic, reason, payload
        FROM dead_letter
        ORDER BY dead_letter_id DESC
        LIMIT ?";
}

/// A stored dead letter.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredDeadLetter {
    /// Who sent it.
    pub device_id: String,
    /// When, µs UTC.
    pub received_at_us: i64,
    /// Full topic.
    pub topic: String,
    /// What is wrong with it.
    pub reason: String,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
}

impl Group {
    /// Keeps a message nobody could use. `false` when the device's share of the day is used up and it was only counted; the
    /// first time on a day that leaves a letter without payload that says so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn dead_letter(
        &mut self,
        device: &DeviceId,
        topic: &str,
        reason: &str,
        payload: &[u8],
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let day = now_us.div_euclid(DAY_US);
        let size = i64::try_from(payload.len()).unwrap_or(i64::MAX);
        let used: Option<(i64, i64)> = on_group!(self, conn, dialect => {
            sqlx::query_as(DAY.text(dialect)).bind(device.as_str()).bind(day).fetch_optional(conn).await?
        });
        let (kept_bytes, over_count) = used.unwrap_or_default();
        let kept = kept_bytes.saturating_add(size) <= DAY_BYTES_MAX;
        let (reason, payload) = if kept { (cut(reason), payload) } else { (share_used_up(reason), &[][..]) };
        if kept || over_count == 0 {
            on_group!(self, conn, dialect => {
                sqlx::query(INSERT.text(dialect))
                    .bind(device.as_str())
                    .bind(now_us)
                    .bind(cut(topic))
                    .bind(&reason)
                    .bind(payload)
                    .execute(conn)
                    .await?;
            });
        }
        on_group!(self, conn, dialect => {
            sqlx::query(COUNT_DAY.text(dialect))
                .bind(device.as_str())
                .bind(day)
                .bind(if kept { size } else { 0 })
                .bind(i64::from(kept))
                .bind(i64::from(!kept))
                .execute(conn)
                .await?;
        });
        Ok(kept)
    }
}

impl Store {
    /// The newest dead letters.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_dead_letters(&self, limit: u16) -> Result<Vec<StoredDeadLetter>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(NEWEST.text(dialect)).bind(i64::from(limit)).fetch_all(pool).await?
        }))
    }
}

fn share_used_up(reason: &str) -> String {
    let share_mb = DAY_BYTES_MAX / 1_000_000;
    cut(&format!(
        "the {share_mb} MB kept of a device and day are used up: from here on only counted. This one: {reason}"
    ))
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}
