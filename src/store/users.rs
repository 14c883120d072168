//! People: who they are, what they may do, how they prove it.

use serde_json::json;

use super::group::on_group;
use super::sql::{InsertedId, on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::user::{Role, UserName};

statements! {
    INSERT = "
        INSERT INTO user (name, full_name, role, password_hash, created_at_us)
        VALUES (?, ?, ?, ?, ?)";
    BY_ID = "
        SELECT user_id, name, full_name, role, password_hash, totp_secret, totp_step, disabled, version,
            created_at_us, sign_in_at_us
        FROM user
        WHERE user_id = ?";
    BY_NAME = "
        SELECT user_id, name, full_name, role, password_hash, totp_secret, totp_step, disabled, version,
            created_at_us, sign_in_at_us
        FROM user
        WHERE name = ?";
    ALL = "
        SELECT user_id, name, full_name, role, password_hash, totp_secret, totp_step, disabled, version,
            created_at_us, sign_in_at_us
        FROM user
        ORDER BY disabled, name
        LIMIT ?";
    ADMINS = "
        SELECT user_id
        FROM user
        WHERE role = 'admin' AND disabled = 0 AND (password_hash IS NOT NULL OR user_id = ?)" | "
        SELECT user_id
        FROM user
        WHERE role = 'admin' AND disabled = 0 AND (password_hash IS NOT NULL OR user_id = ?)
        FOR UPDATE";
    EDIT = "
        UPDATE user
        SET full_name = ?, role = ?, disabled = ?, version = version + 1
        WHERE user_id = ? AND version = ?";
    SET_PASSWORD = "
        UPDATE user
        SET password_hash = ?
        WHERE user_id = ?";
    SIGNED_IN = "
        UPDATE user
        SET sign_in_at_us = ?
        WHERE user_id = ?";
    END_SESSIONS = "
        DELETE FROM session
        WHERE user_id = ? AND session_id <> ?";
}

/// Most users listed: far more than a lab has.
pub const USERS_MAX: i64 = 1_000;

/// Somebody who may sign in.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct User {
    #[sqlx(try_from = "i64")]
    /// Key.
    pub user_id: UserId,
    /// What they sign in with.
    pub name: String,
    /// Their name for people; may be empty.
    pub full_name: String,
    #[sqlx(try_from = "String")]
    /// What they may do.
    pub role: Role,
    /// Argon2id hash in PHC form; none until they chose a password.
    pub password_hash: Option<String>,
    /// Secret of the second factor, if they use one.
    pub totp_secret: Option<Vec<u8>>,
    /// Newest time step a code was used of: a code counts once.
    pub totp_step: i64,
    /// Whether they are shut out.
    pub disabled: bool,
    /// Grows with each edit: two people who edit at once are told.
    pub version: i64,
    /// When they were added, µs UTC.
    pub created_at_us: i64,
    /// When they last signed in, µs UTC.
    pub sign_in_at_us: Option<i64>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("user_id", &self.user_id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Somebody to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// What they sign in with; unique.
    pub name: UserName,
    /// Their name for people; may be empty.
    pub full_name: String,
    /// What they may do.
    pub role: Role,
    /// Argon2id hash in PHC form; none when they choose a password by a link.
    pub password_hash: Option<String>,
}

/// What an administrator may change of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEdit {
    /// Their name for people; may be empty.
    pub full_name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they are shut out; ends all their sessions.
    pub disabled: bool,
}

/// What is stored of a user as the audit log tells it.
fn told(full_name: &str, role: Role, disabled: bool) -> serde_json::Value {
    json!({ "full_name": full_name, "role": role.as_str(), "disabled": disabled })
}

impl Store {
    /// Adds somebody.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn add_user(&self, by: &Actor, user: &NewUser, now_us: i64) -> Result<UserId, StoreError> {
        let mut group = self.begin_group().await?;
        let id = group.add_user(by, user, now_us).await?;
        group.commit().await?;
        Ok(id)
    }

    /// Adds the first administrator; `None` when there is one who can sign in.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn add_first_admin(&self, by: &Actor, user: &NewUser, now_us: i64) -> Result<Option<UserId>, StoreError> {
        let mut group = self.begin_group().await?;
        let admins: Vec<(i64,)> = on_group!(group, conn, dialect => {
            sqlx::query_as(ADMINS.text(dialect)).bind(0).fetch_all(conn).await?
        });
        if !admins.is_empty() {
            return Ok(None);
        }
        let id = group.add_user(by, user, now_us).await?;
        group.commit().await?;
        Ok(Some(id))
    }

    /// Whether anybody can sign in who may add people.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        let admins: Vec<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ADMINS.text(dialect)).bind(0).fetch_all(pool).await?
        });
        Ok(!admins.is_empty())
    }

    /// Everybody, those who may sign in first, by name; at most [`USERS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        Ok(
            on_read!(&self.db, pool, dialect => sqlx::query_as(ALL.text(dialect)).bind(USERS_MAX).fetch_all(pool).await?),
        )
    }

    /// One user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ID.text(dialect)).bind(id.0).fetch_optional(pool).await?
        }))
    }

    /// The user of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user_named(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_NAME.text(dialect)).bind(name).fetch_optional(pool).await?
        }))
    }

    /// Changes somebody's name, role or admission as it was read at `version`. A change of role and a disabling end
    /// all sessions of the user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else was faster, or nobody would be left in charge.
    pub async fn edit_user(
        &self,
        by: &Actor,
        user: &User,
        edit: &UserEdit,
        reason: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let loses_charge = user.role == Role::Admin && !user.disabled && (edit.role != Role::Admin || edit.disabled);
        if loses_charge {
            let admins: Vec<(i64,)> = on_group!(group, conn, dialect => {
                sqlx::query_as(ADMINS.text(dialect)).bind(user.user_id.0).fetch_all(conn).await?
            });
            if !admins.iter().any(|(id,)| *id != user.user_id.0) {
                return Err(StoreError::Conflict(format!(
                    "{} is the only administrator who can sign in. Make somebody else an administrator first.",
                    user.name
                )));
            }
        }
        let edited = on_group!(group, conn, dialect => {
            sqlx::query(EDIT.text(dialect))
                .bind(&edit.full_name)
                .bind(edit.role.as_str())
                .bind(edit.disabled)
                .bind(user.user_id.0)
                .bind(user.version)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if edited != 1 {
            return Err(StoreError::Conflict(format!(
                "Somebody else changed {} in the meantime. Look at the present values and change them again.",
                user.name
            )));
        }
        if edit.disabled || edit.role != user.role {
            group.end_sessions_but(user.user_id, None).await?;
        }
        let action = match (user.disabled, edit.disabled) {
            (false, true) => "disable user",
            (true, false) => "enable user",
            _ => "edit user",
        };
        let change = Change::new(action, format!("user {}", user.name))
            .from(told(&user.full_name, user.role, user.disabled))
            .to(told(&edit.full_name, edit.role, edit.disabled))
            .because(reason);
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }

    /// Gives somebody a new password; ends all their sessions but the one they made the change in, and their open links.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_password(
        &self,
        by: &Actor,
        user: &User,
        password_hash: &str,
        stays: Option<SessionId>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.write_password(user.user_id, password_hash).await?;
        group.forget_links(user.user_id).await?;
        group.end_sessions_but(user.user_id, stays).await?;
        group.audit(by, &Change::new("change password", format!("user {}", user.name)), now_us).await?;
        group.commit().await
    }

    /// Stores the same password hashed with today's parameters.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_password_hash(&self, user: UserId, password_hash: &str) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.write_password(user, password_hash).await?;
        group.commit().await
    }
}

impl Group {
    async fn add_user(&mut self, by: &Actor, user: &NewUser, now_us: i64) -> Result<UserId, StoreError> {
        let done = on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(user.name.as_str())
                .bind(&user.full_name)
                .bind(user.role.as_str())
                .bind(&user.password_hash)
                .bind(now_us)
                .execute(conn)
                .await
                .map(|done| done.inserted_id())
        });
        let id = done.map_err(|error| StoreError::or_duplicate(error, "A user named", user.name.as_str()))?;
        let change = Change::new("add user", format!("user {}", user.name)).to(told(&user.full_name, user.role, false));
        self.audit(by, &change, now_us).await?;
        Ok(UserId(id))
    }

    pub(super) async fn write_password(&mut self, user: UserId, password_hash: &str) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(SET_PASSWORD.text(dialect)).bind(password_hash).bind(user.0).execute(conn).await?;
        });
        Ok(())
    }

    pub(super) async fn signed_in(&mut self, user: UserId, now_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(SIGNED_IN.text(dialect)).bind(now_us).bind(user.0).execute(conn).await?;
        });
        Ok(())
    }

    /// Ends every session of a user but one.
    pub(super) async fn end_sessions_but(&mut self, user: UserId, stays: Option<SessionId>) -> Result<(), StoreError> {
        // No session has the number 0.
        let stays = stays.map_or(0, |session| session.0);
        on_group!(self, conn, dialect => {
            sqlx::query(END_SESSIONS.text(dialect)).bind(user.0).bind(stays).execute(conn).await?;
        });
        Ok(())
    }
}
