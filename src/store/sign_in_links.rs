//! One-time links with which somebody chooses a password: new people, and those who forgot theirs.

use super::group::on_group;
use super::sql::{on_read, statements};
use super::users::User;
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::UserId;

statements! {
    INSERT = "
        INSERT INTO sign_in_link (token_sha256, user_id, expires_at_us)
        VALUES (?, ?, ?)";
    FIND = "
        SELECT u.user_id, u.name, u.full_name, u.role, u.password_hash, u.totp_secret, u.totp_step, u.disabled,
            u.version, u.created_at_us, u.sign_in_at_us
        FROM sign_in_link l
        JOIN user u ON u.user_id = l.user_id
        WHERE l.token_sha256 = ? AND l.expires_at_us > ? AND u.disabled = 0";
    TAKE = "
        DELETE FROM sign_in_link
        WHERE token_sha256 = ? AND user_id = ? AND expires_at_us > ?";
    FORGET = "
        DELETE FROM sign_in_link
        WHERE user_id = ?";
}

impl Store {
    /// Makes a link for somebody; any earlier one of theirs no longer works.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_sign_in_link(
        &self,
        by: &Actor,
        user: &User,
        token_sha256: &[u8; 32],
        expires_at_us: i64,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.forget_links(user.user_id).await?;
        on_group!(group, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(token_sha256.as_slice())
                .bind(user.user_id.0)
                .bind(expires_at_us)
                .execute(conn)
                .await?;
        });
        group.audit(by, &Change::new("make sign-in link", format!("user {}", user.name)), now_us).await?;
        group.commit().await
    }

    /// Whose link this is; `None` when it is unknown, used, too old, or its owner is disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_in_link(&self, token_sha256: &[u8; 32], now_us: i64) -> Result<Option<User>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(FIND.text(dialect)).bind(token_sha256.as_slice()).bind(now_us).fetch_optional(pool).await?
        }))
    }

    /// Uses a link: sets the password, ends all sessions of the user. `false` when somebody used it before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_sign_in_link(
        &self,
        by: &Actor,
        user: &User,
        token_sha256: &[u8; 32],
        password_hash: &str,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let taken = on_group!(group, conn, dialect => {
            sqlx::query(TAKE.text(dialect))
                .bind(token_sha256.as_slice())
                .bind(user.user_id.0)
                .bind(now_us)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if taken != 1 {
            return Ok(false);
        }
        group.write_password(user.user_id, password_hash).await?;
        group.end_sessions_but(user.user_id, None).await?;
        group.audit(by, &Change::new("choose password by link", format!("user {}", user.name)), now_us).await?;
        group.commit().await?;
        Ok(true)
    }
}

impl Group {
    /// Takes back the links of a user that are still open.
    pub(super) async fn forget_links(&mut self, user: UserId) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(FORGET.text(dialect)).bind(user.0).execute(conn).await?;
        });
        Ok(())
    }
}
