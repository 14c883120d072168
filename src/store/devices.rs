//! Devices: what is known of them, what a log-in is checked against, and what they say of themselves.

use std::sync::LazyLock;

use serde::Serialize;

use super::group::on_group;
use super::many::Many;
use super::sql::{on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::device::DeviceKind;
use crate::domain::ids::{BadDeviceId, DeviceId};
use crate::domain::message::{ClockMark, Hello};

statements! {
    LOGIN = "
        SELECT d.secret_sha256, d.disabled, COALESCE(a.audit_id, 0)
        FROM device d
        LEFT JOIN device_access a ON a.device_id = d.device_id
        WHERE d.device_id = ?";
    ONE = "
        SELECT d.device_id, d.kind, d.disabled, d.model, d.firmware, d.serial, d.boot,
            d.registered_at_us, d.hello_at_us, d.seen_at_us, COALESCE(a.audit_id, 0) AS revision
        FROM device d
        LEFT JOIN device_access a ON a.device_id = d.device_id
        WHERE d.device_id = ?";
    PAGE = "
        SELECT d.device_id, d.kind, d.disabled, d.model, d.firmware, d.serial, d.boot,
            d.registered_at_us, d.hello_at_us, d.seen_at_us, COALESCE(a.audit_id, 0) AS revision
        FROM device d
        LEFT JOIN device_access a ON a.device_id = d.device_id
        WHERE d.device_id > ?
            AND (? = '' OR d.device_id LIKE ? OR d.model LIKE ? OR d.serial LIKE ?)
            AND (? = '' OR d.kind = ?)
            AND (? < 0 OR d.disabled = ?)
        ORDER BY d.device_id
        LIMIT ?";
    HELLO = "
        UPDATE device
        SET boot = ?, model = ?, firmware = ?, serial = ?, hello_at_us = ?, seen_at_us = ?
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

/// Notes signs of life.
pub(super) static SEEN: LazyLock<Many> =
    LazyLock::new(|| Many::new("UPDATE device SET seen_at_us = ? WHERE device_id IN (", "?", ")", ")"));

/// What is needed to check a log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLogin {
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// Whether the device was shut out.
    pub disabled: bool,
    /// Grows with each change of the device's registration.
    pub revision: i64,
}

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// What it logs in as.
    pub device: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// Whether it is shut out.
    pub disabled: bool,
    /// What it said of itself at its last hello; empty before the first.
    pub model: String,
    /// Its firmware, likewise.
    pub firmware: String,
    /// Its serial number, likewise.
    pub serial: String,
    /// The boot of its last hello.
    pub boot: Option<i64>,
    /// When somebody registered it, µs UTC.
    pub registered_at_us: i64,
    /// When it last said hello, µs UTC.
    pub hello_at_us: Option<i64>,
    /// When it was last heard, µs UTC.
    pub seen_at_us: Option<i64>,
    /// Grows with each change of its registration: who changes a device says which one was looked at.
    pub revision: i64,
}

#[derive(sqlx::FromRow)]
struct DeviceRow {
    device_id: String,
    kind: String,
    disabled: bool,
    model: String,
    firmware: String,
    serial: String,
    boot: Option<i64>,
    registered_at_us: i64,
    hello_at_us: Option<i64>,
    seen_at_us: Option<i64>,
    revision: i64,
}

impl DeviceRow {
    fn read(self) -> Result<Device, StoreError> {
        Ok(Device {
            kind: self
                .kind
                .parse()
                .map_err(|reason| StoreError::Unreadable { what: format!("device {}", self.device_id), reason })?,
            device: read_id(&self.device_id)?,
            disabled: self.disabled,
            model: self.model,
            firmware: self.firmware,
            serial: self.serial,
            boot: self.boot,
            registered_at_us: self.registered_at_us,
            hello_at_us: self.hello_at_us,
            seen_at_us: self.seen_at_us,
            revision: self.revision,
        })
    }
}

/// A device id as it is stored.
pub(super) fn read_id(text: &str) -> Result<DeviceId, StoreError> {
    text.parse().map_err(|error: BadDeviceId| StoreError::Unreadable {
        what: format!("device {text}"),
        reason: error.to_string(),
    })
}

/// A SHA-256 as it is stored.
pub(super) fn read_sha256(device: &str, stored: Vec<u8>) -> Result<[u8; 32], StoreError> {
    <[u8; 32]>::try_from(stored).map_err(|found| StoreError::Unreadable {
        what: format!("device {device}"),
        reason: format!("its secret has {} bytes, 32 were stored", found.len()),
    })
}

/// Which devices to list; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceFilter {
    /// Part of the id, the model or the serial number; empty: any.
    pub text: String,
    /// Only of this kind.
    pub kind: Option<DeviceKind>,
    /// Only those shut out, or only those that are not.
    pub disabled: Option<bool>,
}

impl Store {
    /// The devices that pass the filter, by id; those after `after` (empty: from the first), at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn devices(&self, filter: &DeviceFilter, after: &str, limit: i64) -> Result<Vec<Device>, StoreError> {
        let like = format!("%{}%", filter.text);
        let kind = filter.kind.map_or("", DeviceKind::as_str);
        let disabled = filter.disabled.map_or(-1, i64::from);
        let rows: Vec<DeviceRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(PAGE.text(dialect))
                .bind(after)
                .bind(&filter.text)
                .bind(&like)
                .bind(&like)
                .bind(&like)
                .bind(kind)
                .bind(kind)
                .bind(disabled)
                .bind(disabled)
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(DeviceRow::read).collect()
    }

    /// A registered device.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device(&self, device: &DeviceId) -> Result<Option<Device>, StoreError> {
        let row: Option<DeviceRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(ONE.text(dialect)).bind(device.as_str()).fetch_optional(pool).await?
        });
        row.map(DeviceRow::read).transpose()
    }

    /// What to check a log-in against; `None` when no such device is registered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_login(&self, device: &DeviceId) -> Result<Option<DeviceLogin>, StoreError> {
        let row: Option<(Vec<u8>, bool, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LOGIN.text(dialect)).bind(device.as_str()).fetch_optional(pool).await?
        });
        row.map(|(secret, disabled, revision)| {
            Ok(DeviceLogin { secret_sha256: read_sha256(device.as_str(), secret)?, disabled, revision })
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

    /// Notes signs of life, many per statement.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn devices_seen(&mut self, mut devices: &[DeviceId], now_us: i64) -> Result<(), StoreError> {
        while !devices.is_empty() {
            devices = on_group!(self, conn, dialect => {
                let (text, now, later) = SEEN.split(dialect, devices);
                let query = now.iter().fold(sqlx::query(text).bind(now_us), |query, device| query.bind(device.as_str()));
                query.execute(conn).await?;
                later
            });
        }
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
