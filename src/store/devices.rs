//! Devices: who may log in, and when they were last heard.

use super::group::on_group;
use super::sql::{on_read, on_write, statements};
use super::{Group, Store, StoreError};
use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::domain::message::{ClockMark, Hello};

statements! {
    REGISTER = "
        INSERT INTO device (device_id, kind, secret_sha256, registered_at_us)
        VALUES (?, ?, ?, ?)
        ON CONFLICT (device_id) DO UPDATE SET
            kind = excluded.kind,
            secret_sha256 = excluded.secret_sha256,
            disabled = 0" | "
        INSERT INTO device (device_id, kind, secret_sha256, registered_at_us)
        VALUES (?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE
            kind = VALUES(kind),
            secret_sha256 = VALUES(secret_sha256),
            disabled = 0";
    LOGIN = "
        SELECT secret_sha256, disabled
        FROM device
        WHERE device_id = ?";
    HELLO = "
        UPDATE device
        SET boot = ?, model = ?, firmware = ?, serial = ?, hello_at_us = ?, seen_at_us = ?
        WHERE device_id = ?";
    SEEN = "
        UPDATE device
        SET seen_at_us = ?
        WHERE device_id = ?";
    CLOCK = "
        INSERT OR IGNORE INTO boot_clock (device_id, boot, tick_us, at_us)
        VALUES (?, ?, ?, ?)" | "
        INSERT IGNORE INTO boot_clock (device_id, boot, tick_us, at_us)
        VALUES (?, ?, ?, ?)";
    CLOCK_OF_BOOT = "
        SELECT tick_us, at_us
        FROM boot_clock
        WHERE device_id = ? AND boot = ?";
}

/// What is needed to check a log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLogin {
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// Whether the device was shut out.
    pub disabled: bool,
}

impl Store {
    /// Registers a device, or gives a known one a new secret.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn register_device(
        &self,
        device: &DeviceId,
        kind: DeviceKind,
        secret_sha256: &[u8; 32],
        now_us: i64,
    ) -> Result<(), StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(REGISTER.text(dialect))
                .bind(device.as_str())
                .bind(kind.as_str())
                .bind(secret_sha256.as_slice())
                .bind(now_us)
                .execute(pool)
                .await?;
        });
        Ok(())
    }

    /// What to check a log-in against; `None` when no such device is registered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_login(&self, device: &DeviceId) -> Result<Option<DeviceLogin>, StoreError> {
        let row: Option<(Vec<u8>, bool)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LOGIN.text(dialect)).bind(device.as_str()).fetch_optional(pool).await?
        });
        row.map(|(secret, disabled)| {
            let secret_sha256 = <[u8; 32]>::try_from(secret).map_err(|found| StoreError::Unreadable {
                what: format!("device {device}"),
                reason: format!("its secret has {} bytes, 32 were stored", found.len()),
            })?;
            Ok(DeviceLogin { secret_sha256, disabled })
        })
        .transpose()
    }
}

impl Group {
    /// Notes what a device said of itself at a connect.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_hello(&mut self, device: &DeviceId, hello: &Hello, now_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(HELLO.text(dialect))
                .bind(i64::from(hello.boot))
                .bind(&hello.model)
                .bind(&hello.firmware)
                .bind(&hello.serial)
                .bind(now_us)
                .bind(now_us)
                .bind(device.as_str())
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Notes a sign of life.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_seen(&mut self, device: &DeviceId, now_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(SEEN.text(dialect)).bind(now_us).bind(device.as_str()).execute(conn).await?;
        });
        Ok(())
    }

    /// Dates a boot. The first word on a boot stands: later ones would move rows that were already shown.
    /// `false` when the boot was dated before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn date_boot(&mut self, device: &DeviceId, mark: ClockMark) -> Result<bool, StoreError> {
        let inserted = on_group!(self, conn, dialect => {
            sqlx::query(CLOCK.text(dialect))
                .bind(device.as_str())
                .bind(i64::from(mark.boot))
                .bind(mark.tick_us)
                .bind(mark.at_us)
                .execute(conn)
                .await?
                .rows_affected()
        });
        Ok(inserted == 1)
    }

    /// UTC minus tick counter of a boot, µs; `None` while nobody dated it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn boot_offset_us(&mut self, device: &DeviceId, boot: u32) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64, i64)> = on_group!(self, conn, dialect => {
            sqlx::query_as(CLOCK_OF_BOOT.text(dialect))
                .bind(device.as_str())
                .bind(i64::from(boot))
                .fetch_optional(conn)
                .await?
        });
        Ok(row.map(|(tick_us, at_us)| at_us.saturating_sub(tick_us)))
    }
}
