//! Dead letters as people look at them and have them tried again.
//!
//! Asking only marks a letter. The node takes marked ones through the normal intake, and the outcome is written in the very
//! transaction that stores the readings: a letter is stored or still dead, never both.

use serde_json::json;

use super::group::on_group;
use super::sql::{on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};

/// Letters of one question for those to be tried.
pub const ASKED_MAX: i64 = 50;
/// Bytes of a payload that a list shows.
const HEAD_BYTES: i64 = 160;
/// Days with more than was kept, at most.
const DAYS_MAX: i64 = 20;

statements! {
    PAGE = "
        SELECT dead_letter_id, device_id, received_at_us, topic, reason, LENGTH(payload) AS payload_bytes,
            SUBSTR(payload, 1, ?) AS payload, asked_at_us, tried_at_us, tries, stored_at_us
        FROM dead_letter
        WHERE dead_letter_id < ?
            AND (? = '' OR device_id = ?)
            AND INSTR(LOWER(reason), ?) > 0
            AND (? = 1 OR stored_at_us IS NULL)
        ORDER BY dead_letter_id DESC
        LIMIT ?";
    ONE = "
        SELECT dead_letter_id, device_id, received_at_us, topic, reason, LENGTH(payload) AS payload_bytes,
            payload, asked_at_us, tried_at_us, tries, stored_at_us
        FROM dead_letter
        WHERE dead_letter_id = ?";
    COUNT = "
        SELECT COUNT(*)
        FROM dead_letter
        WHERE stored_at_us IS NULL
            AND LENGTH(payload) > 0
            AND (? = '' OR device_id = ?)
            AND INSTR(LOWER(reason), ?) > 0";
    OVER = "
        SELECT device_id, day, kept_count, over_count
        FROM dead_letter_day
        WHERE over_count > 0
        ORDER BY day DESC, device_id
        LIMIT ?";
    ASK_ONE = "
        UPDATE dead_letter
        SET asked_at_us = ?
        WHERE dead_letter_id = ?
            AND stored_at_us IS NULL
            AND LENGTH(payload) > 0";
    ASK_ALL = "
        UPDATE dead_letter
        SET asked_at_us = ?
        WHERE stored_at_us IS NULL
            AND LENGTH(payload) > 0
            AND (? = '' OR device_id = ?)
            AND INSTR(LOWER(reason), ?) > 0";
    ASKED = "
        SELECT dead_letter_id, device_id, topic, payload
        FROM dead_letter
        WHERE asked_at_us IS NOT NULL
        ORDER BY asked_at_us, dead_letter_id
        LIMIT ?";
    STILL_DEAD = "
        UPDATE dead_letter
        SET reason = ?, asked_at_us = NULL, tried_at_us = ?, tries = tries + 1
        WHERE dead_letter_id = ?";
    STORED = "
        UPDATE dead_letter
        SET payload = ?, asked_at_us = NULL, tried_at_us = ?, tries = tries + 1, stored_at_us = ?
        WHERE dead_letter_id = ?";
}

/// A dead letter as somebody looks at it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Letter {
    /// Its number.
    pub dead_letter_id: i64,
    /// Who sent it.
    pub device_id: String,
    /// When, µs UTC.
    pub received_at_us: i64,
    /// Full topic.
    pub topic: String,
    /// What is wrong with it.
    pub reason: String,
    /// Size of the payload.
    pub payload_bytes: i64,
    /// The payload, or its beginning in a list.
    pub payload: Vec<u8>,
    /// When somebody asked to try it again, µs UTC; nothing once it was tried.
    pub asked_at_us: Option<i64>,
    /// When it was tried again last, µs UTC.
    pub tried_at_us: Option<i64>,
    /// How often it was tried again.
    pub tries: i64,
    /// Since when it is stored, µs UTC.
    pub stored_at_us: Option<i64>,
}

/// A letter to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AskedLetter {
    /// Its number.
    pub dead_letter_id: i64,
    /// Who sent it.
    pub device_id: String,
    /// Full topic.
    pub topic: String,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
}

/// A device that sent more in a day than is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OverDay {
    /// Who.
    pub device_id: String,
    /// Day since the epoch, UTC.
    pub day: i64,
    /// Letters kept.
    pub kept_count: i64,
    /// Letters that were only counted.
    pub over_count: i64,
}

/// Which letters; empty texts mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Exactly this device.
    pub device: String,
    /// Reasons that contain this, in whatever case.
    pub reason: String,
    /// Also those that are stored by now.
    pub with_stored: bool,
}

impl Store {
    /// Letters before a number, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn letters(&self, filter: &LetterFilter, before: i64, limit: i64) -> Result<Vec<Letter>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(PAGE.text(dialect))
                .bind(HEAD_BYTES)
                .bind(before)
                .bind(&filter.device)
                .bind(&filter.device)
                .bind(filter.reason.to_lowercase())
                .bind(i64::from(filter.with_stored))
                .bind(limit)
                .fetch_all(pool)
                .await?
        }))
    }

    /// One letter with its whole payload.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn letter(&self, id: i64) -> Result<Option<Letter>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ONE.text(dialect)).bind(id).fetch_optional(pool).await?
        }))
    }

    /// How many letters of a filter could be tried again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_dead_letters(&self, filter: &LetterFilter) -> Result<i64, StoreError> {
        let (count,): (i64,) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(COUNT.text(dialect))
                .bind(&filter.device)
                .bind(&filter.device)
                .bind(filter.reason.to_lowercase())
                .fetch_one(pool)
                .await?
        });
        Ok(count)
    }

    /// The last days on which devices sent more than was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn letters_over(&self) -> Result<Vec<OverDay>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OVER.text(dialect)).bind(DAYS_MAX).fetch_all(pool).await?
        }))
    }

    /// Marks one letter to be tried again; whether there was anything to mark.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask_redrive(&self, by: &Actor, id: i64, now_us: i64) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let marked = on_group!(group, conn, dialect => {
            sqlx::query(ASK_ONE.text(dialect)).bind(now_us).bind(id).execute(conn).await?.rows_affected()
        });
        if marked > 0 {
            group.audit(by, &Change::new("try dead letter again", format!("dead letter {id}")), now_us).await?;
            group.commit().await?;
        }
        Ok(marked > 0)
    }

    /// Marks every letter of a filter to be tried again; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask_redrive_all(&self, by: &Actor, filter: &LetterFilter, now_us: i64) -> Result<u64, StoreError> {
        let mut group = self.begin_group().await?;
        let marked = on_group!(group, conn, dialect => {
            sqlx::query(ASK_ALL.text(dialect))
                .bind(now_us)
                .bind(&filter.device)
                .bind(&filter.device)
                .bind(filter.reason.to_lowercase())
                .execute(conn)
                .await?
                .rows_affected()
        });
        if marked > 0 {
            let what = json!({ "letters": marked, "device": filter.device, "reason": filter.reason });
            group.audit(by, &Change::new("try dead letters again", "dead letters").to(what), now_us).await?;
            group.commit().await?;
        }
        Ok(marked)
    }

    /// Letters somebody asked to try again, those asked for first; at most [`ASKED_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn asked_letters(&self) -> Result<Vec<AskedLetter>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ASKED.text(dialect)).bind(ASKED_MAX).fetch_all(pool).await?
        }))
    }
}

impl Group {
    /// A letter was tried again and is still of no use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn letter_still_dead(&mut self, id: i64, reason: &str, now_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(STILL_DEAD.text(dialect))
                .bind(super::dead_letters::cut(reason))
                .bind(now_us)
                .bind(id)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// A letter was tried again and what it says is now stored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn letter_stored(&mut self, id: i64, now_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(STORED.text(dialect))
                .bind(&[][..])
                .bind(now_us)
                .bind(now_us)
                .bind(id)
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}
