//! API tokens: what programs sign in with.

use serde_json::json;

use super::group::on_group;
use super::sql::{InsertedId, on_read, on_write, statements};
use super::users::User;
use super::{Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::{ApiTokenId, UserId};
use crate::domain::user::{Role, Scope};

statements! {
    INSERT = "
        INSERT INTO api_token (token_sha256, user_id, name, scope, created_at_us, expires_at_us)
        VALUES (?, ?, ?, ?, ?, ?)";
    FIND = "
        SELECT t.api_token_id, t.user_id, u.name AS owner, u.role, t.name, t.scope, t.created_at_us, t.expires_at_us,
            t.used_at_us, t.revoked_at_us
        FROM api_token t
        JOIN user u ON u.user_id = t.user_id
        WHERE t.token_sha256 = ? AND u.disabled = 0 AND t.revoked_at_us IS NULL";
    BY_ID = "
        SELECT t.api_token_id, t.user_id, u.name AS owner, u.role, t.name, t.scope, t.created_at_us, t.expires_at_us,
            t.used_at_us, t.revoked_at_us
        FROM api_token t
        JOIN user u ON u.user_id = t.user_id
        WHERE t.api_token_id = ?";
    ALL = "
        SELECT t.api_token_id, t.user_id, u.name AS owner, u.role, t.name, t.scope, t.created_at_us, t.expires_at_us,
            t.used_at_us, t.revoked_at_us
        FROM api_token t
        JOIN user u ON u.user_id = t.user_id
        ORDER BY t.revoked_at_us IS NOT NULL, t.api_token_id DESC
        LIMIT ?";
    USED = "
        UPDATE api_token
        SET used_at_us = ?
        WHERE api_token_id = ?";
    REVOKE = "
        UPDATE api_token
        SET revoked_at_us = ?
        WHERE api_token_id = ? AND revoked_at_us IS NULL";
}

/// Most tokens listed.
pub const TOKENS_MAX: i64 = 1_000;

/// A token, without what opens the door.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ApiToken {
    /// Key.
    #[sqlx(try_from = "i64")]
    pub api_token_id: ApiTokenId,
    /// Whose.
    #[sqlx(try_from = "i64")]
    pub user_id: UserId,
    /// Their user name.
    pub owner: String,
    /// What they may do now; the token never more.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// What it is for.
    pub name: String,
    /// What it may do.
    #[sqlx(try_from = "String")]
    pub scope: Scope,
    /// When it was made, µs UTC.
    pub created_at_us: i64,
    /// From when on it no longer works, µs UTC.
    pub expires_at_us: i64,
    /// When it was last used, µs UTC, give or take a minute.
    pub used_at_us: Option<i64>,
    /// When it was taken back, µs UTC.
    pub revoked_at_us: Option<i64>,
}

impl ApiToken {
    fn object(&self) -> String {
        format!("token {} of {}", self.name, self.owner)
    }
}

/// A token to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewApiToken<'a> {
    /// SHA-256 of the token.
    pub token_sha256: &'a [u8; 32],
    /// What it is for.
    pub name: &'a str,
    /// What it may do.
    pub scope: Scope,
    /// From when on it no longer works, µs UTC.
    pub expires_at_us: i64,
}

impl Store {
    /// Stores a token of a user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_api_token(
        &self,
        by: &Actor,
        user: &User,
        token: NewApiToken<'_>,
        now_us: i64,
    ) -> Result<ApiTokenId, StoreError> {
        let mut group = self.begin_group().await?;
        let id = on_group!(group, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(token.token_sha256.as_slice())
                .bind(user.user_id.0)
                .bind(token.name)
                .bind(token.scope.as_str())
                .bind(now_us)
                .bind(token.expires_at_us)
                .execute(conn)
                .await?
                .inserted_id()
        });
        let change = Change::new("add token", format!("token {} of {}", token.name, user.name))
            .to(json!({ "scope": token.scope.as_str(), "expires_at_us": token.expires_at_us }));
        group.audit(by, &change, now_us).await?;
        group.commit().await?;
        Ok(ApiTokenId(id))
    }

    /// The token that is presented; `None` when there is none, it was revoked, or its owner is disabled. Whether it
    /// has expired is for who asks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_token(&self, token_sha256: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(FIND.text(dialect)).bind(token_sha256.as_slice()).fetch_optional(pool).await?
        }))
    }

    /// All tokens, those that work first; at most [`TOKENS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        Ok(
            on_read!(&self.db, pool, dialect => sqlx::query_as(ALL.text(dialect)).bind(TOKENS_MAX).fetch_all(pool).await?),
        )
    }

    /// One token by its number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_token_numbered(&self, id: ApiTokenId) -> Result<Option<ApiToken>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ID.text(dialect)).bind(id.0).fetch_optional(pool).await?
        }))
    }

    /// Notes that a token is in use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn api_token_used(&self, id: ApiTokenId, now_us: i64) -> Result<(), StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(USED.text(dialect)).bind(now_us).bind(id.0).execute(pool).await?;
        });
        Ok(())
    }

    /// Takes a token back; `false` when it was before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_api_token(&self, by: &Actor, token: &ApiToken, now_us: i64) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let revoked = on_group!(group, conn, dialect => {
            sqlx::query(REVOKE.text(dialect)).bind(now_us).bind(token.api_token_id.0).execute(conn).await?.rows_affected()
        });
        if revoked == 1 {
            group.audit(by, &Change::new("revoke token", token.object()), now_us).await?;
            group.commit().await?;
        }
        Ok(revoked == 1)
    }
}
