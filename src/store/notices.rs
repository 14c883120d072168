//! Notices: alarms on their way out of the pages, each sent at least once.

use super::sql::{on_read, on_write, statements};
use super::{Store, StoreError};
use crate::domain::ids::AlarmId;

statements! {
    QUEUE = "
        INSERT OR IGNORE INTO notice (alarm_id, way, created_at_us, due_at_us)
        SELECT alarm_id, ?, ?, ?
        FROM alarm
        WHERE at_us >= ? AND (severity IN ('alarm', 'critical') OR (? AND severity = 'warning'))
            AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.alarm_id = alarm.alarm_id AND n.way = ?)
        ORDER BY alarm_id
        LIMIT 100" | "
        INSERT IGNORE INTO notice (alarm_id, way, created_at_us, due_at_us)
        SELECT alarm_id, ?, ?, ?
        FROM alarm
        WHERE at_us >= ? AND (severity IN ('alarm', 'critical') OR (? AND severity = 'warning'))
            AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.alarm_id = alarm.alarm_id AND n.way = ?)
        ORDER BY alarm_id
        LIMIT 100";
    REPEAT = "
        UPDATE notice
        SET state = 'queued', due_at_us = ?, attempts = 0
        WHERE way = ? AND state = 'sent' AND sent_at_us <= ? AND alarm_id IN (
            SELECT alarm_id
            FROM alarm
            WHERE acknowledged_at_us IS NULL AND at_us >= ? AND severity IN ('alarm', 'critical'))";
    DUE = "
        SELECT notice_id, alarm_id, way, attempts, sent_at_us
        FROM notice
        WHERE state = 'queued' AND due_at_us <= ?
        ORDER BY notice_id
        LIMIT ?";
    SENT = "
        UPDATE notice
        SET state = 'sent', sent_at_us = ?, attempts = attempts + 1, reason = ''
        WHERE notice_id = ?";
    LATER = "
        UPDATE notice
        SET state = ?, due_at_us = ?, attempts = attempts + 1, reason = ?
        WHERE notice_id = ? AND state = 'queued'";
}

/// Longest stored reason, in characters.
const REASON_MAX: usize = 255;
/// Notices sent in one round.
const NOTICES_MAX: i64 = 20;

/// A notice to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Key.
    pub id: i64,
    /// Of which alarm.
    pub alarm: AlarmId,
    /// `webhook` or `mail`.
    pub way: String,
    /// How often it was tried, since it was due.
    pub attempts: i64,
    /// Whether it was sent before.
    pub is_repeat: bool,
}

impl Store {
    /// Queues a notice by a way for each alarm raised since a moment that has none yet, also of warnings if asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_notices(
        &self,
        way: &str,
        since_us: i64,
        warnings: bool,
        now_us: i64,
    ) -> Result<u64, StoreError> {
        Ok(on_write!(&self.db, pool, dialect => {
            sqlx::query(QUEUE.text(dialect))
                .bind(way)
                .bind(now_us)
                .bind(now_us)
                .bind(since_us)
                .bind(warnings)
                .bind(way)
                .execute(pool)
                .await?
                .rows_affected()
        }))
    }

    /// Queues the notices by a way again that were sent before a moment, of alarms raised since another one that nobody
    /// answered; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn repeat_notices(
        &self,
        way: &str,
        sent_before_us: i64,
        since_us: i64,
        now_us: i64,
    ) -> Result<u64, StoreError> {
        Ok(on_write!(&self.db, pool, dialect => {
            sqlx::query(REPEAT.text(dialect))
                .bind(now_us)
                .bind(way)
                .bind(sent_before_us)
                .bind(since_us)
                .execute(pool)
                .await?
                .rows_affected()
        }))
    }

    /// Notices whose time has come, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_notices(&self, now_us: i64) -> Result<Vec<Notice>, StoreError> {
        let rows: Vec<(i64, i64, String, i64, Option<i64>)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(DUE.text(dialect)).bind(now_us).bind(NOTICES_MAX).fetch_all(pool).await?
        });
        let read = |(id, alarm, way, attempts, sent_at_us): (i64, i64, String, i64, Option<i64>)| {
            let is_repeat = sent_at_us.is_some();
            Notice { id, alarm: AlarmId(alarm), way, attempts, is_repeat }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Notes that a notice was delivered.
    ///
    /// # Errors
    /// When the database fails; then it is sent once more.
    pub async fn notice_sent(&self, notice: i64, now_us: i64) -> Result<(), StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(SENT.text(dialect)).bind(now_us).bind(notice).execute(pool).await?;
        });
        Ok(())
    }

    /// Notes that a notice was not delivered: when to try again, or that nobody does any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notice_failed(&self, notice: i64, due_at_us: Option<i64>, reason: &str) -> Result<(), StoreError> {
        let reason: String = reason.chars().take(REASON_MAX).collect();
        on_write!(&self.db, pool, dialect => {
            sqlx::query(LATER.text(dialect))
                .bind(if due_at_us.is_some() { "queued" } else { "failed" })
                .bind(due_at_us.unwrap_or(i64::MAX))
                .bind(&reason)
                .bind(notice)
                .execute(pool)
                .await?;
        });
        Ok(())
    }
}
