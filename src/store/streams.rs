//! Streams: what one device measured for one experiment or battery, and where each ends.

use std::sync::LazyLock;

use super::group::on_group;
use super::many::Many;
use super::sql::{InsertedId, on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::ids::{DeviceId, StreamId};
use crate::domain::sample::Subject;

/// Streams of one answer to what grew since some time.
pub const STREAMS_SINCE_MAX: usize = 1_000;

statements! {
    BY_KEY = "
        SELECT stream_id
        FROM stream
        WHERE device_id = ? AND subject_kind = ? AND subject_id = ?";
    INSERT = "
        INSERT INTO stream (device_id, subject_kind, subject_id, created_at_us)
        VALUES (?, ?, ?, ?)";
    OF_DEVICE = "
        SELECT stream_id, subject_kind, subject_id
        FROM stream
        WHERE device_id = ?
        ORDER BY stream_id";
    OF_SUBJECT = "
        SELECT stream_id
        FROM stream
        WHERE subject_kind = ? AND subject_id = ?
        ORDER BY stream_id
        LIMIT 100";
    SUBJECT_OF = "
        SELECT subject_kind, subject_id
        FROM stream
        WHERE stream_id = ?";
    EXPERIMENT_EXISTS = "
        SELECT COUNT(*)
        FROM experiment
        WHERE experiment_id = ?";
    BATTERY_EXISTS = "
        SELECT COUNT(*)
        FROM battery
        WHERE battery_id = ?";
    FIRST_AT = "
        UPDATE latest
        SET first_at_us = COALESCE(
            (SELECT MIN(b.at0_us) FROM block b WHERE b.stream_id = latest.stream_id AND b.level IN (0, 3) AND b.dated = 1),
            first_at_us)
        WHERE stream_id IN (SELECT stream_id FROM stream WHERE device_id = ?)";
    LATEST_SINCE = "
        SELECT stream_id, boot, seq, at_us, received_at_us, values_json, row_total, first_at_us, span_max_us
        FROM latest
        WHERE received_at_us > ?
        ORDER BY received_at_us
        LIMIT ?";
    LATEST = "
        SELECT boot, seq, at_us, received_at_us, values_json, row_total, first_at_us, span_max_us
        FROM latest
        WHERE stream_id = ?";
}

/// Moves ends of streams.
pub(super) static SET_LATEST: LazyLock<Many> = LazyLock::new(|| {
    let columns = ["boot", "seq", "at_us", "received_at_us", "values_json", "row_total", "first_at_us", "span_max_us"];
    let set = |new: fn(&str) -> String| columns.map(|column| format!("{column} = {}", new(column))).join(", ");
    Many::new(
        &format!("INSERT INTO latest (stream_id, {}) VALUES", columns.join(", ")),
        "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &format!("ON CONFLICT (stream_id) DO UPDATE SET {}", set(|column| format!("excluded.{column}"))),
        &format!("ON DUPLICATE KEY UPDATE {}", set(|column| format!("VALUES({column})"))),
    )
});

/// The end of a stream together with its id.
#[derive(sqlx::FromRow)]
pub(super) struct LatestRow {
    pub(super) stream_id: i64,
    #[sqlx(flatten)]
    pub(super) latest: Latest,
}

/// The end of a stream and what is known of its whole.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Latest {
    /// Boot of the newest row.
    pub boot: i64,
    /// Number of the newest row.
    pub seq: i64,
    /// Its time, µs UTC; when the server took it while nobody dated the boot.
    pub at_us: i64,
    /// When the server took it, µs UTC.
    pub received_at_us: i64,
    /// Its values: a JSON object of column name to number or null.
    pub values_json: String,
    /// Rows of the stream.
    pub row_total: i64,
    /// Time of the earliest row, µs UTC.
    pub first_at_us: i64,
    /// Longest time one block covers, µs: how far before a window a block may begin and still reach into it.
    pub span_max_us: i64,
}

impl Latest {
    /// The newest values, in the order of their names.
    #[must_use]
    pub fn values(&self) -> std::collections::BTreeMap<String, Option<f64>> {
        serde_json::from_str(&self.values_json).unwrap_or_default()
    }
}

impl Group {
    /// The stream of a device for a subject; made when new. `None` when there is no such experiment or battery.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stream(
        &mut self,
        device: &DeviceId,
        subject: Subject,
        now_us: i64,
    ) -> Result<Option<StreamId>, StoreError> {
        let known: Option<(i64,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(BY_KEY.text(dialect))
                .bind(device.as_str())
                .bind(subject.kind())
                .bind(subject.id())
                .fetch_optional(conn)
                .await?
        });
        if let Some((id,)) = known {
            return Ok(Some(StreamId(id)));
        }
        let exists = match subject {
            Subject::Experiment(_) => EXPERIMENT_EXISTS,
            Subject::Battery(_) => BATTERY_EXISTS,
        };
        let (found,): (i64,) = on_group!(self, conn, dialect => {
            sqlx::query_as(exists.text(dialect)).bind(subject.id()).fetch_one(conn).await?
        });
        if found == 0 {
            return Ok(None);
        }
        let id = on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(device.as_str())
                .bind(subject.kind())
                .bind(subject.id())
                .bind(now_us)
                .execute(conn)
                .await?
                .inserted_id()
        });
        Ok(Some(StreamId(id)))
    }

    /// The end of a stream; `None` while it has no rows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest(&mut self, stream: StreamId) -> Result<Option<Latest>, StoreError> {
        Ok(on_group!(self, conn, dialect => {
            sqlx::query_as(LATEST.text(dialect)).bind(stream.0).fetch_optional(conn).await?
        }))
    }

    /// Finds the earliest row of a device's streams again, after one of its boots was dated.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_first_rows(&mut self, device: &DeviceId) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(FIRST_AT.text(dialect)).bind(device.as_str()).execute(conn).await?;
        });
        Ok(())
    }

    /// Moves ends of streams, many per statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_latest(&mut self, mut ends: &[(StreamId, Latest)]) -> Result<(), StoreError> {
        while !ends.is_empty() {
            ends = on_group!(self, conn, dialect => {
                let (text, now, later) = SET_LATEST.split(dialect, ends);
                let mut query = sqlx::query(text);
                for (stream, latest) in now {
                    query = query
                        .bind(stream.0)
                        .bind(latest.boot)
                        .bind(latest.seq)
                        .bind(latest.at_us)
                        .bind(latest.received_at_us)
                        .bind(&latest.values_json)
                        .bind(latest.row_total)
                        .bind(latest.first_at_us)
                        .bind(latest.span_max_us);
                }
                query.execute(conn).await?;
                later
            });
        }
        Ok(())
    }
}

impl Store {
    /// The streams of a device.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_streams(&self, device: &DeviceId) -> Result<Vec<(StreamId, Subject)>, StoreError> {
        let rows: Vec<(i64, String, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_DEVICE.text(dialect)).bind(device.as_str()).fetch_all(pool).await?
        });
        rows.into_iter().map(|(id, kind, subject)| Ok((StreamId(id), read_subject(id, &kind, subject)?))).collect()
    }

    /// The streams about an experiment or battery, oldest first; at most 100.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subject_streams(&self, subject: Subject) -> Result<Vec<StreamId>, StoreError> {
        let rows: Vec<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_SUBJECT.text(dialect)).bind(subject.kind()).bind(subject.id()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(id,)| StreamId(id)).collect())
    }

    /// What a stream is about; `None` when there is no such stream.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stream_subject(&self, stream: StreamId) -> Result<Option<Subject>, StoreError> {
        let row: Option<(String, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(SUBJECT_OF.text(dialect)).bind(stream.0).fetch_optional(pool).await?
        });
        row.map(|(kind, id)| read_subject(stream.0, &kind, id)).transpose()
    }

    /// The end of a stream; `None` while it has no rows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest(&self, stream: StreamId) -> Result<Option<Latest>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LATEST.text(dialect)).bind(stream.0).fetch_optional(pool).await?
        }))
    }

    /// The streams that grew after `since_us` (the server's clock), in that order; at most [`STREAMS_SINCE_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn streams_since(&self, since_us: i64) -> Result<Vec<(StreamId, Latest)>, StoreError> {
        let rows: Vec<LatestRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LATEST_SINCE.text(dialect))
                .bind(since_us)
                .bind(i64::try_from(STREAMS_SINCE_MAX).unwrap_or(i64::MAX))
                .fetch_all(pool)
                .await?
        });
        Ok(rows.into_iter().map(|row| (StreamId(row.stream_id), row.latest)).collect())
    }
}

pub(super) fn read_subject(stream_id: i64, kind: &str, id: i64) -> Result<Subject, StoreError> {
    Subject::from_parts(kind, id).ok_or_else(|| StoreError::Unreadable {
        what: format!("stream {stream_id}"),
        reason: format!("it is about a “{kind}”, which this version does not know"),
    })
}
