//! Second factors: the secret of an app, the steps it was used at, and recovery codes.

use super::group::on_group;
use super::sql::{on_read, statements};
use super::users::User;
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::UserId;

statements! {
    SET_TOTP = "
        UPDATE user
        SET totp_secret = ?, totp_step = ?
        WHERE user_id = ?";
    USE_TOTP_STEP = "
        UPDATE user
        SET totp_step = ?
        WHERE user_id = ? AND totp_step < ?";
    ADD_CODE = "
        INSERT INTO recovery_code (user_id, code_sha256)
        VALUES (?, ?)";
    USE_CODE = "
        DELETE FROM recovery_code
        WHERE user_id = ? AND code_sha256 = ?";
    DROP_CODES = "
        DELETE FROM recovery_code
        WHERE user_id = ?";
    COUNT_CODES = "
        SELECT COUNT(*)
        FROM recovery_code
        WHERE user_id = ?";
}

/// A second factor that somebody turns on.
#[derive(Clone, Copy)]
pub struct SecondFactor<'a> {
    /// The secret their phone has too.
    pub secret: &'a [u8],
    /// Time step of the code they proved it with.
    pub step: i64,
    /// SHA-256 of each recovery code.
    pub codes_sha256: &'a [[u8; 32]],
}

impl Store {
    /// Turns the second factor on, with the hashes of its recovery codes, or off (`None`).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_second_factor(
        &self,
        by: &Actor,
        user: &User,
        factor: Option<SecondFactor<'_>>,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let secret = factor.map(|factor| factor.secret);
        let (step, codes) = factor.map_or((0, &[][..]), |factor| (factor.step, factor.codes_sha256));
        on_group!(group, conn, dialect => {
            sqlx::query(SET_TOTP.text(dialect)).bind(secret).bind(step).bind(user.user_id.0).execute(conn).await?;
        });
        group.drop_recovery_codes(user.user_id).await?;
        group.add_recovery_codes(user.user_id, codes).await?;
        let action = if secret.is_some() { "turn on second factor" } else { "turn off second factor" };
        group.audit(by, &Change::new(action, format!("user {}", user.name)), now_us).await?;
        group.commit().await
    }

    /// Takes a time step of the second factor; `false` when it or a later one was used before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_totp_step(&self, user: UserId, step: i64) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let used = on_group!(group, conn, dialect => {
            sqlx::query(USE_TOTP_STEP.text(dialect)).bind(step).bind(user.0).bind(step).execute(conn).await?.rows_affected()
        });
        group.commit().await?;
        Ok(used == 1)
    }

    /// Takes a recovery code; `false` when there is no such code or it was used before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_recovery_code(
        &self,
        by: &Actor,
        user: &User,
        sha256: &[u8; 32],
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        let used = on_group!(group, conn, dialect => {
            sqlx::query(USE_CODE.text(dialect)).bind(user.user_id.0).bind(sha256.as_slice()).execute(conn).await?.rows_affected()
        });
        if used == 1 {
            group.audit(by, &Change::new("use recovery code", format!("user {}", user.name)), now_us).await?;
        }
        group.commit().await?;
        Ok(used == 1)
    }

    /// Gives somebody new recovery codes; the old ones no longer work.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_recovery_codes(
        &self,
        by: &Actor,
        user: &User,
        codes_sha256: &[[u8; 32]],
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.drop_recovery_codes(user.user_id).await?;
        group.add_recovery_codes(user.user_id, codes_sha256).await?;
        group.audit(by, &Change::new("renew recovery codes", format!("user {}", user.name)), now_us).await?;
        group.commit().await
    }

    /// How many recovery codes somebody has left.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recovery_codes_left(&self, user: UserId) -> Result<i64, StoreError> {
        let (count,): (i64,) = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(COUNT_CODES.text(dialect)).bind(user.0).fetch_one(pool).await?
        });
        Ok(count)
    }
}

impl Group {
    async fn drop_recovery_codes(&mut self, user: UserId) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(DROP_CODES.text(dialect)).bind(user.0).execute(conn).await?;
        });
        Ok(())
    }

    async fn add_recovery_codes(&mut self, user: UserId, codes_sha256: &[[u8; 32]]) -> Result<(), StoreError> {
        for code in codes_sha256 {
            on_group!(self, conn, dialect => {
                sqlx::query(ADD_CODE.text(dialect)).bind(user.0).bind(code.as_slice()).execute(conn).await?;
            });
        }
        Ok(())
    }
}
