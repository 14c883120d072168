//! The outbox: what devices are told to do, from the page that asks to the answer.
//!
//! A row is written in the transaction of the change it follows from. A sender sends it until it is answered or has expired;
//! whoever moves a row says which state it was in, so that an answer that came first is never overwritten.

use serde_json::{Value, json};

use super::devices::read_id;
use super::group::on_group;
use super::instruments::Detection;
use super::sql::{InsertedId, on_read, on_write, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::command::{CommandState, DETECT_US, Verb};
use crate::domain::ids::{CommandId, DeviceId, ExperimentId};
use crate::domain::message::Reply;

statements! {
    INSERT = "
        INSERT INTO outbox (device_id, verb, payload_json, asked_by, created_at_us, expires_at_us, experiment_id)
        VALUES (?, ?, ?, ?, ?, ?, ?)";
    REPLACE = "
        UPDATE outbox
        SET state = 'expired', reason = 'a newer command took its place'
        WHERE device_id = ? AND verb = ? AND state IN ('queued', 'sent', 'accepted')";
    OPEN = "
        SELECT command_id
        FROM outbox
        WHERE device_id = ? AND verb = ? AND state IN ('queued', 'sent', 'accepted') AND expires_at_us > ?
        ORDER BY command_id DESC
        LIMIT 1";
    LAST = "
        SELECT command_id, device_id, verb, payload_json, state, asked_by, created_at_us, expires_at_us, sent_at_us,
            sent_count, answered_at_us, reason, result_json
        FROM outbox
        WHERE device_id = ? AND verb = ?
        ORDER BY command_id DESC
        LIMIT 1";
    ONE = "
        SELECT command_id, device_id, verb, payload_json, state, asked_by, created_at_us, expires_at_us, sent_at_us,
            sent_count, answered_at_us, reason, result_json
        FROM outbox
        WHERE command_id = ?";
    DUE = "
        SELECT command_id, device_id, verb, payload_json, state, asked_by, created_at_us, expires_at_us, sent_at_us,
            sent_count, answered_at_us, reason, result_json
        FROM outbox
        WHERE state IN ('queued', 'sent') AND command_id > ? AND (sent_at_us IS NULL OR sent_at_us <= ? OR sent_at_us > ?)
            AND (verb <> 'start' OR experiment_id IS NULL OR experiment_id IN
                (SELECT e.experiment_id FROM experiment e WHERE e.state = 'starting'))
        ORDER BY command_id
        LIMIT ?";
    SENT = "
        UPDATE outbox
        SET state = 'sent', sent_at_us = ?, sent_count = sent_count + 1
        WHERE command_id = ? AND state IN ('queued', 'sent') AND sent_count = ?";
    EXPIRE = "
        UPDATE outbox
        SET state = 'expired'
        WHERE state IN ('queued', 'sent') AND expires_at_us <= ?";
    ANSWER = "
        UPDATE outbox
        SET state = ?, answered_at_us = ?, reason = ?
        WHERE command_id = ? AND device_id = ? AND state IN ('queued', 'sent', 'accepted', 'expired')";
    IS_OF = "
        SELECT state
        FROM outbox
        WHERE command_id = ? AND device_id = ?";
    RESULT = "
        UPDATE outbox
        SET result_json = ?
        WHERE command_id = ? AND device_id = ? AND verb = ?";
}

/// Longest stored reason, in characters.
const REASON_MAX: usize = 255;

/// A command to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCommand<'a> {
    /// To whom.
    pub device: &'a DeviceId,
    /// What to do.
    pub verb: Verb,
    /// The keys of `down/command` beside `command_id`, `epoch`, `expires_at_us` and `verb`: a JSON object.
    pub payload: Value,
    /// When it is too late for it, µs UTC; `None`: never.
    pub expires_at_us: Option<i64>,
}

/// A stored command.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Key.
    pub command_id: CommandId,
    /// To whom.
    pub device: DeviceId,
    /// What to do, in a word.
    pub verb: String,
    /// The rest of the message.
    pub payload: Value,
    /// Where it stands.
    pub state: CommandState,
    /// Who asked for it.
    pub asked_by: String,
    /// When, µs UTC.
    pub created_at_us: i64,
    /// When it is too late for it, µs UTC.
    pub expires_at_us: Option<i64>,
    /// When it was last sent, µs UTC.
    pub sent_at_us: Option<i64>,
    /// How often.
    pub sent_count: i64,
    /// When the device last answered, µs UTC.
    pub answered_at_us: Option<i64>,
    /// Why not, in words.
    pub reason: String,
    /// What came of a `detect`.
    pub detection: Option<Detection>,
}

#[derive(sqlx::FromRow)]
struct CommandRow {
    command_id: i64,
    device_id: String,
    verb: String,
    payload_json: String,
    state: String,
    asked_by: String,
    created_at_us: i64,
    expires_at_us: Option<i64>,
    sent_at_us: Option<i64>,
    sent_count: i64,
    answered_at_us: Option<i64>,
    reason: String,
    result_json: Option<String>,
}

impl CommandRow {
    fn read(self) -> Result<Command, StoreError> {
        let unreadable =
            |reason: String| StoreError::Unreadable { what: format!("command {}", self.command_id), reason };
        Ok(Command {
            payload: serde_json::from_str(&self.payload_json).map_err(|error| unreadable(error.to_string()))?,
            state: CommandState::from_word(&self.state).ok_or_else(|| unreadable(format!("state “{}”", self.state)))?,
            command_id: CommandId(self.command_id),
            device: read_id(&self.device_id)?,
            verb: self.verb,
            asked_by: self.asked_by,
            created_at_us: self.created_at_us,
            expires_at_us: self.expires_at_us,
            sent_at_us: self.sent_at_us,
            sent_count: self.sent_count,
            answered_at_us: self.answered_at_us,
            reason: self.reason,
            detection: self.result_json.and_then(|json| serde_json::from_str(&json).ok()),
        })
    }
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyOutcome {
    /// The command stands there now, or stood there already.
    Noted,
    /// This device was given no such command.
    NoCommand,
}

impl Group {
    /// Stores a command; the sender takes it after the commit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_command(
        &mut self,
        by: &Actor,
        new: &NewCommand<'_>,
        now_us: i64,
    ) -> Result<CommandId, StoreError> {
        self.insert_command(by, new, None, now_us).await
    }

    /// The same for a command that belongs to a run: it is withdrawn when the run is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_run_command(
        &mut self,
        by: &Actor,
        new: &NewCommand<'_>,
        experiment: ExperimentId,
        now_us: i64,
    ) -> Result<CommandId, StoreError> {
        self.insert_command(by, new, Some(experiment), now_us).await
    }

    async fn insert_command(
        &mut self,
        by: &Actor,
        new: &NewCommand<'_>,
        experiment: Option<ExperimentId>,
        now_us: i64,
    ) -> Result<CommandId, StoreError> {
        let id = on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(new.device.as_str())
                .bind(new.verb.as_str())
                .bind(new.payload.to_string())
                .bind(by.name.chars().take(64).collect::<String>())
                .bind(now_us)
                .bind(new.expires_at_us)
                .bind(experiment.map(|experiment| experiment.0))
                .execute(conn)
                .await?
                .inserted_id()
        });
        Ok(CommandId(id))
    }

    /// Ends the open commands of a kind to a device, because a newer one says all they said.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_commands(&mut self, device: &DeviceId, verb: Verb) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(REPLACE.text(dialect)).bind(device.as_str()).bind(verb.as_str()).execute(conn).await?;
        });
        Ok(())
    }

    /// Notes what a device says of a command. The first answer that ends it stands, and a late one counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_reply(
        &mut self,
        device: &DeviceId,
        reply: &Reply,
        now_us: i64,
    ) -> Result<ReplyOutcome, StoreError> {
        let reason: String = reply.reason.as_deref().unwrap_or_default().chars().take(REASON_MAX).collect();
        let moved = on_group!(self, conn, dialect => {
            sqlx::query(ANSWER.text(dialect))
                .bind(reply.result.state().as_str())
                .bind(now_us)
                .bind(&reason)
                .bind(reply.command_id.0)
                .bind(device.as_str())
                .execute(conn)
                .await?
                .rows_affected()
        });
        if moved > 0 {
            self.follow_reply(device, reply, now_us).await?;
            return Ok(ReplyOutcome::Noted);
        }
        let known: Option<(String,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(IS_OF.text(dialect))
                .bind(reply.command_id.0)
                .bind(device.as_str())
                .fetch_optional(conn)
                .await?
        });
        Ok(if known.is_some() { ReplyOutcome::Noted } else { ReplyOutcome::NoCommand })
    }

    /// Notes what came of a `detect` command; a command of another device or kind is left alone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_detection(
        &mut self,
        device: &DeviceId,
        command: CommandId,
        detection: Detection,
    ) -> Result<(), StoreError> {
        let result = json!(detection).to_string();
        on_group!(self, conn, dialect => {
            sqlx::query(RESULT.text(dialect))
                .bind(&result)
                .bind(command.0)
                .bind(device.as_str())
                .bind(Verb::Detect.as_str())
                .execute(conn)
                .await?;
        });
        Ok(())
    }
}

impl Store {
    /// Asks a unit to look for its instruments, within [`DETECT_US`]. Asked again while it is asked, it stays one command.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask_detect(&self, by: &Actor, unit: &DeviceId, now_us: i64) -> Result<CommandId, StoreError> {
        let mut group = self.begin_group().await?;
        // Two people who press at once: the second waits here and finds the first one's command.
        group.lock_devices().await?;
        let open: Option<(i64,)> = on_group!(group, conn, dialect => {
            sqlx::query_as(OPEN.text(dialect))
                .bind(unit.as_str())
                .bind(Verb::Detect.as_str())
                .bind(now_us)
                .fetch_optional(conn)
                .await?
        });
        if let Some((id,)) = open {
            return Ok(CommandId(id));
        }
        let expires_at_us = Some(now_us + DETECT_US);
        let new = NewCommand { device: unit, verb: Verb::Detect, payload: json!({}), expires_at_us };
        let id = group.add_command(by, &new, now_us).await?;
        group.audit(by, &Change::new("detect instruments", format!("device {unit}")), now_us).await?;
        group.commit().await?;
        Ok(id)
    }

    /// The last command of a kind to a device.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_command(&self, device: &DeviceId, verb: Verb) -> Result<Option<Command>, StoreError> {
        let row: Option<CommandRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LAST.text(dialect)).bind(device.as_str()).bind(verb.as_str()).fetch_optional(pool).await?
        });
        row.map(CommandRow::read).transpose()
    }

    /// One command.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn command(&self, command: CommandId) -> Result<Option<Command>, StoreError> {
        let row: Option<CommandRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ONE.text(dialect)).bind(command.0).fetch_optional(pool).await?
        });
        row.map(CommandRow::read).transpose()
    }

    /// Commands after `after` that were never sent, or last sent `resend_us` ago without an answer: the oldest first,
    /// at most `limit`. Also those sent in the future, as it looks when the clock was set back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_commands(
        &self,
        after: CommandId,
        now_us: i64,
        resend_us: i64,
        limit: i64,
    ) -> Result<Vec<Command>, StoreError> {
        let rows: Vec<CommandRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(DUE.text(dialect))
                .bind(after.0)
                .bind(now_us - resend_us)
                .bind(now_us)
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(CommandRow::read).collect()
    }

    /// Notes that a command was sent. `false` when it was answered or sent by somebody else meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn command_sent(&self, command: &Command, now_us: i64) -> Result<bool, StoreError> {
        let moved = on_write!(&self.db, pool, dialect => {
            sqlx::query(SENT.text(dialect))
                .bind(now_us)
                .bind(command.command_id.0)
                .bind(command.sent_count)
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(moved == 1)
    }

    /// Ends the commands whose time has passed without any answer; how many those were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_commands(&self, now_us: i64) -> Result<u64, StoreError> {
        Ok(on_write!(&self.db, pool, dialect => {
            sqlx::query(EXPIRE.text(dialect)).bind(now_us).execute(pool).await?.rows_affected()
        }))
    }
}
