//! Browsers that are signed in.

use super::group::on_group;
use super::sql::{InsertedId, on_read, on_write, statements};
use super::users::User;
use super::{Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::user::Role;

statements! {
    INSERT = "
        INSERT INTO session (token_sha256, user_id, address, agent, created_at_us, seen_at_us, confirmed_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?)";
    FIND = "
        SELECT s.session_id, s.user_id, u.name, u.full_name, u.role, s.created_at_us, s.seen_at_us, s.confirmed_at_us
        FROM session s
        JOIN user u ON u.user_id = s.user_id
        WHERE s.token_sha256 = ? AND u.disabled = 0";
    BY_ID = "
        SELECT s.session_id, s.user_id, u.name, u.full_name, u.role, s.created_at_us, s.seen_at_us, s.confirmed_at_us
        FROM session s
        JOIN user u ON u.user_id = s.user_id
        WHERE s.session_id = ? AND u.disabled = 0";
    SEEN = "
        UPDATE session
        SET seen_at_us = ?
        WHERE session_id = ?";
    CONFIRM = "
        UPDATE session
        SET confirmed_at_us = ?, token_sha256 = ?
        WHERE session_id = ?";
    OF_USER = "
        SELECT session_id, address, agent, created_at_us, seen_at_us
        FROM session
        WHERE user_id = ? AND seen_at_us > ? AND created_at_us > ?
        ORDER BY seen_at_us DESC
        LIMIT 100";
    ADDRESSES = "
        SELECT u.name, s.address, MAX(s.seen_at_us)
        FROM session s
        JOIN user u ON u.user_id = s.user_id
        GROUP BY u.name, s.address
        ORDER BY MAX(s.seen_at_us)
        LIMIT 10000";
    END = "
        DELETE FROM session
        WHERE session_id = ? AND user_id = ?";
    PURGE = "
        DELETE FROM session
        WHERE seen_at_us <= ? OR created_at_us <= ?";
}

/// A session to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSession<'a> {
    /// SHA-256 of the cookie.
    pub token_sha256: &'a [u8; 32],
    /// Where the browser is.
    pub address: &'a str,
    /// What it calls itself.
    pub agent: &'a str,
}

/// A session that is presented: whose it is and how old. Limits of age are checked by who asks.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Session {
    /// Key.
    #[sqlx(try_from = "i64")]
    pub session_id: SessionId,
    /// Whose.
    #[sqlx(try_from = "i64")]
    pub user_id: UserId,
    /// Their user name.
    pub name: String,
    /// Their name for people; may be empty.
    pub full_name: String,
    /// What they may do now.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// When they signed in, µs UTC.
    pub created_at_us: i64,
    /// When the session was last used, µs UTC, give or take a minute.
    pub seen_at_us: i64,
    /// When they last gave their password, µs UTC.
    pub confirmed_at_us: i64,
}

/// A session as its owner sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionLine {
    /// Key.
    #[sqlx(try_from = "i64")]
    pub session_id: SessionId,
    /// Where the browser was at sign-in.
    pub address: String,
    /// What it called itself.
    pub agent: String,
    /// When it signed in, µs UTC.
    pub created_at_us: i64,
    /// When it was last used, µs UTC.
    pub seen_at_us: i64,
}

impl Store {
    /// Opens a session for somebody who proved who they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_session(
        &self,
        by: &Actor,
        user: UserId,
        session: NewSession<'_>,
        now_us: i64,
    ) -> Result<SessionId, StoreError> {
        let agent: String = session.agent.chars().filter(|c| !c.is_control()).take(200).collect();
        let mut group = self.begin_group().await?;
        let id = on_group!(group, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(session.token_sha256.as_slice())
                .bind(user.0)
                .bind(session.address)
                .bind(&agent)
                .bind(now_us)
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await?
                .inserted_id()
        });
        group.signed_in(user, now_us).await?;
        group.audit(by, &Change::new("sign in", format!("user {}", by.name)), now_us).await?;
        group.commit().await?;
        Ok(SessionId(id))
    }

    /// The session of a cookie; `None` when it was ended or its owner is disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, token_sha256: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(FIND.text(dialect)).bind(token_sha256.as_slice()).fetch_optional(pool).await?
        }))
    }

    /// The session of that number; `None` when it was ended or its owner is disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_numbered(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ID.text(dialect)).bind(session.0).fetch_optional(pool).await?
        }))
    }

    /// Notes that a session is in use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_seen(&self, session: SessionId, now_us: i64) -> Result<(), StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(SEEN.text(dialect)).bind(now_us).bind(session.0).execute(pool).await?;
        });
        Ok(())
    }

    /// Notes that the owner gave the password again. The session goes on under another cookie: the one before may
    /// open less than this one does now, and whoever had it must not gain by it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn confirm_session(
        &self,
        by: &Actor,
        session: SessionId,
        token_sha256: &[u8; 32],
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        on_group!(group, conn, dialect => {
            sqlx::query(CONFIRM.text(dialect))
                .bind(now_us)
                .bind(token_sha256.as_slice())
                .bind(session.0)
                .execute(conn)
                .await?;
        });
        group.audit(by, &Change::new("confirm password", format!("user {}", by.name)), now_us).await?;
        group.commit().await
    }

    /// Sessions of a user used after `seen_after_us` and begun after `created_after_us`, the last used first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions_of(
        &self,
        user: UserId,
        seen_after_us: i64,
        created_after_us: i64,
    ) -> Result<Vec<SessionLine>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_USER.text(dialect))
                .bind(user.0)
                .bind(seen_after_us)
                .bind(created_after_us)
                .fetch_all(pool)
                .await?
        }))
    }

    /// Who is signed in from where, and when that was last used, µs UTC; the longest ago first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_addresses(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => sqlx::query_as(ADDRESSES.text(dialect)).fetch_all(pool).await?))
    }

    /// Ends one session of a user; `false` when it was ended before or is somebody else's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(
        &self,
        by: &Actor,
        user: UserId,
        session: SessionId,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let ended = on_group!(group, conn, dialect => {
            sqlx::query(END.text(dialect)).bind(session.0).bind(user.0).execute(conn).await?.rows_affected()
        });
        if ended == 1 {
            group.audit(by, &Change::new("end session", format!("session {session}")), now_us).await?;
            group.commit().await?;
        }
        Ok(ended == 1)
    }

    /// Ends all sessions of a user but the one they are in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_other_sessions(
        &self,
        by: &Actor,
        user: &User,
        stays: Option<SessionId>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.end_sessions_but(user.user_id, stays).await?;
        group.audit(by, &Change::new("end all other sessions", format!("user {}", user.name)), now_us).await?;
        group.commit().await
    }

    /// Forgets sessions that are too old to count.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn purge_sessions(&self, seen_before_us: i64, created_before_us: i64) -> Result<(), StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(PURGE.text(dialect)).bind(seen_before_us).bind(created_before_us).execute(pool).await?;
        });
        Ok(())
    }
}
