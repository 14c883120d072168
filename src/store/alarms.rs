//! Alarms: raised once and counted, cleared when it is over, answered by a person.
//!
//! An alarm is one row per source and code while it is open: `open_key` is unique, so that two servers that find the same
//! trouble count one alarm. The key is given up when the alarm is both answered and over; the next time is a new alarm.

use super::group::on_group;
use super::sql::{InsertedId, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::{AlarmId, DeviceId, ExperimentId, StationId};
use crate::domain::safety::Severity;
use crate::domain::safety::alarm::{ANSWER_MAX, CODE_MAX, MESSAGE_MAX};

statements! {
    INSERT = "
        INSERT OR IGNORE INTO alarm (open_key, severity, code, message, value, limit_value, experiment_id, station_id,
            device_id, at_us, last_at_us, is_late)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" | "
        INSERT IGNORE INTO alarm (open_key, severity, code, message, value, limit_value, experiment_id, station_id,
            device_id, at_us, last_at_us, is_late)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    REPEAT = "
        UPDATE alarm
        SET severity = ?, message = ?, value = ?, limit_value = ?, last_at_us = ?, repeat_count = repeat_count + 1,
            cleared_at_us = NULL
        WHERE open_key = ?";
    CLEAR = "
        UPDATE alarm
        SET cleared_at_us = ?
        WHERE open_key = ? AND cleared_at_us IS NULL";
    CLOSE_CLEARED = "
        UPDATE alarm
        SET open_key = NULL
        WHERE open_key = ? AND cleared_at_us IS NOT NULL AND acknowledged_at_us IS NOT NULL";
    ACKNOWLEDGE = "
        UPDATE alarm
        SET acknowledged_at_us = ?, acknowledged_by = ?, answer = ?,
            open_key = CASE WHEN cleared_at_us IS NULL THEN open_key ELSE NULL END
        WHERE alarm_id = ? AND acknowledged_at_us IS NULL";
    BY_KEY = "
        SELECT alarm_id
        FROM alarm
        WHERE open_key = ?";
    STATION_OF = "
        SELECT s.station_id,
            (SELECT MAX(e.experiment_id) FROM experiment e
                WHERE e.station_id = s.station_id
                AND e.state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost'))
        FROM station s
        WHERE s.station_id = ? AND s.device_id = ?";
    ANSWERED = "
        SELECT acknowledged_by, answer
        FROM alarm
        WHERE alarm_id = ?";
}

/// Where an alarm comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Source {
    /// The run.
    pub experiment: Option<ExperimentId>,
    /// The station.
    pub station: Option<StationId>,
    /// The device; none of the three is the server itself.
    pub device: Option<DeviceId>,
}

impl Source {
    /// The name of source and code while an alarm is open.
    #[must_use]
    pub fn key(&self, code: &str) -> String {
        let code: String = code.chars().take(CODE_MAX).collect();
        match (self.experiment, self.station, &self.device) {
            (Some(experiment), ..) => format!("experiment {experiment}/{code}"),
            (None, Some(station), _) => format!("station {station}/{code}"),
            (None, None, Some(device)) => format!("device {device}/{code}"),
            (None, None, None) => format!("server/{code}"),
        }
    }
}

/// An alarm to be raised, or counted when it is open already.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAlarm {
    /// Where it comes from.
    pub source: Source,
    /// How bad it is.
    pub severity: Severity,
    /// Which rule, or what a device calls it.
    pub code: String,
    /// In words.
    pub message: String,
    /// What was measured.
    pub value: Option<f64>,
    /// What would have been allowed.
    pub limit: Option<f64>,
    /// When, µs UTC of the server.
    pub at_us: i64,
    /// Whether it was found in rows that came long after they were measured.
    pub is_late: bool,
}

/// What became of an alarm that was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is new.
    New(AlarmId),
    /// It was open already and is counted.
    Repeated,
}

impl Group {
    /// Raises an alarm; one that is open already is counted and its words are renewed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn raise_alarm(&mut self, alarm: &NewAlarm) -> Result<Noted, StoreError> {
        let key = alarm.source.key(&alarm.code);
        let message: String = alarm.message.chars().take(MESSAGE_MAX).collect();
        // What is not a number has no place in JSON and says nothing a person could use.
        let (value, limit) = (alarm.value.filter(|v| v.is_finite()), alarm.limit.filter(|v| v.is_finite()));
        let repeated = on_group!(self, conn, dialect => {
            sqlx::query(REPEAT.text(dialect))
                .bind(alarm.severity.as_str())
                .bind(&message)
                .bind(value)
                .bind(limit)
                .bind(alarm.at_us)
                .bind(&key)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if repeated > 0 {
            return Ok(Noted::Repeated);
        }
        let (inserted, id) = on_group!(self, conn, dialect => {
            let done = sqlx::query(INSERT.text(dialect))
                .bind(&key)
                .bind(alarm.severity.as_str())
                .bind(alarm.code.chars().take(CODE_MAX).collect::<String>())
                .bind(&message)
                .bind(value)
                .bind(limit)
                .bind(alarm.source.experiment.map(|id| id.0))
                .bind(alarm.source.station.map(|id| id.0))
                .bind(alarm.source.device.as_ref().map(DeviceId::as_str))
                .bind(alarm.at_us)
                .bind(alarm.at_us)
                .bind(alarm.is_late)
                .execute(conn)
                .await?;
            (done.rows_affected(), done.inserted_id())
        });
        // Somebody else raised it in between: it is there, which is what counts.
        Ok(if inserted > 0 { Noted::New(AlarmId(id)) } else { Noted::Repeated })
    }

    /// Notes that what an alarm was about is over. Unanswered, it stays for somebody to see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear_alarm(&mut self, source: &Source, code: &str, now_us: i64) -> Result<(), StoreError> {
        let key = source.key(code);
        on_group!(self, conn, dialect => {
            sqlx::query(CLEAR.text(dialect)).bind(now_us).bind(&key).execute(conn).await?;
        });
        on_group!(self, conn, dialect => {
            sqlx::query(CLOSE_CLEARED.text(dialect)).bind(&key).execute(conn).await?;
        });
        Ok(())
    }

    /// A station with the run it works on, if it is this device's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_of(
        &mut self,
        station: StationId,
        device: &DeviceId,
    ) -> Result<Option<(Option<StationId>, Option<ExperimentId>)>, StoreError> {
        let row: Option<(i64, Option<i64>)> = on_group!(self, conn, dialect => {
            sqlx::query_as(STATION_OF.text(dialect)).bind(station.0).bind(device.as_str()).fetch_optional(conn).await?
        });
        Ok(row.map(|(station, experiment)| (Some(StationId(station)), experiment.map(ExperimentId))))
    }

    /// The open alarm of a source and code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_alarm(&mut self, source: &Source, code: &str) -> Result<Option<AlarmId>, StoreError> {
        let key = source.key(code);
        let row: Option<(i64,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(BY_KEY.text(dialect)).bind(&key).fetch_optional(conn).await?
        });
        Ok(row.map(|(id,)| AlarmId(id)))
    }
}

impl Store {
    /// Notes that somebody looked at an alarm, and what they do about it. Nothing changes on the bench.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Conflict`] when somebody else was faster, or the database's failure.
    pub async fn acknowledge_alarm(
        &self,
        by: &Actor,
        alarm: AlarmId,
        answer: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let answer: String = answer.trim().chars().take(ANSWER_MAX).collect();
        let mut group = self.begin_group().await?;
        let moved = on_group!(group, conn, dialect => {
            sqlx::query(ACKNOWLEDGE.text(dialect))
                .bind(now_us)
                .bind(by.name.chars().take(64).collect::<String>())
                .bind(&answer)
                .bind(alarm.0)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if moved == 0 {
            let row: Option<(String, String)> = on_group!(group, conn, dialect => {
                sqlx::query_as(ANSWERED.text(dialect)).bind(alarm.0).fetch_optional(conn).await?
            });
            return Err(match row {
                None => StoreError::Missing { what: "alarm", name: alarm.to_string() },
                // Sent twice by the same person: it is done.
                Some((name, same)) if name == by.name && same == answer => return Ok(()),
                Some((name, _)) => StoreError::Conflict(format!("{name} answered this alarm already.")),
            });
        }
        let change = Change::new("acknowledge alarm", format!("alarm {alarm}")).because(&answer);
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }
}
