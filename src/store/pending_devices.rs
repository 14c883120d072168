//! Devices that nobody registered yet and that tried to connect: a person approves one, and it is in.

use serde_json::json;

use super::device_access::SecretHashes;
use super::devices::{read_id, read_sha256};
use super::group::on_group;
use super::sql::{on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::domain::secret::{DeviceSecret, secret_code};

/// Most pending devices kept: more than a person looks through. The one that tried longest ago goes first.
pub const PENDING_MAX: i64 = 200;
/// Most new ones a minute, so that a program that tries ids at random fills neither the list nor the disk.
pub const NEW_PER_MINUTE_MAX: i64 = 10;
/// Shorter secrets are not noted, in characters: what a person made up could be guessed.
pub const SECRET_CHARACTERS_MIN: usize = 16;
const MINUTE_US: i64 = 60_000_000;
/// How often a device is noted anew when others came at the same moment.
const TRIES_MAX: u32 = 5;

statements! {
    TRIED_AGAIN = "
        UPDATE pending_device
        SET address = ?, last_at_us = ?, tries = tries + 1
        WHERE device_id = ? AND secret_sha256 = ?";
    IS_REGISTERED = "
        SELECT COUNT(*)
        FROM device
        WHERE device_id = ?";
    NEW_SINCE = "
        SELECT COUNT(*)
        FROM pending_device
        WHERE first_at_us > ?";
    INSERT = "
        INSERT INTO pending_device (device_id, secret_sha256, broker_hash, address, first_at_us, last_at_us, tries)
        VALUES (?, ?, ?, ?, ?, ?, 1)";
    BEYOND = "
        SELECT device_id, secret_sha256
        FROM pending_device
        ORDER BY last_at_us DESC, device_id, secret_sha256
        LIMIT 100 OFFSET ?";
    LIST = "
        SELECT p.device_id, p.secret_sha256, p.address, p.first_at_us, p.last_at_us, p.tries
        FROM pending_device p
        LEFT JOIN device d ON d.device_id = p.device_id
        WHERE d.device_id IS NULL
        ORDER BY p.last_at_us DESC, p.device_id, p.secret_sha256";
    ONE = "
        SELECT broker_hash, address, tries
        FROM pending_device
        WHERE device_id = ? AND secret_sha256 = ?";
    FORGET = "
        DELETE FROM pending_device
        WHERE device_id = ?";
    FORGET_ONE = "
        DELETE FROM pending_device
        WHERE device_id = ? AND secret_sha256 = ?";
}

/// A device that waits for somebody to let it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDevice {
    /// What it called itself.
    pub device: DeviceId,
    /// SHA-256 of the secret it presented; together with the id this is what is approved.
    pub secret_sha256: [u8; 32],
    /// From where it tried last.
    pub address: String,
    /// When it tried first, µs UTC.
    pub first_at_us: i64,
    /// When it tried last, µs UTC.
    pub last_at_us: i64,
    /// How often.
    pub tries: i64,
}

impl PendingDevice {
    /// What the device can show too: the first 8 hexadecimal digits of the SHA-256 of its secret.
    #[must_use]
    pub fn code(&self) -> String {
        secret_code(&self.secret_sha256)
    }
}

/// What became of a try to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is in the list now.
    New,
    /// It was in the list; there is one more try.
    Again,
    /// Too many new ones in this minute: not noted.
    TooMany,
    /// The secret is too short: not noted.
    TooShort,
    /// The device was registered meanwhile: not noted.
    Registered,
}

impl Store {
    /// Notes that an unknown device tried to connect.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_pending(
        &self,
        device: &DeviceId,
        secret: &DeviceSecret,
        address: &str,
        now_us: i64,
    ) -> Result<Noted, StoreError> {
        let mut tries = 1;
        loop {
            match self.try_note_pending(device, secret, address, now_us).await {
                // Two that come at the same moment lock the same gap of the table; one of them is told to try again.
                Err(error) if error.may_pass() && tries < TRIES_MAX => tries += 1,
                done => return done,
            }
        }
    }

    async fn try_note_pending(
        &self,
        device: &DeviceId,
        secret: &DeviceSecret,
        address: &str,
        now_us: i64,
    ) -> Result<Noted, StoreError> {
        if secret.reveal().chars().count() < SECRET_CHARACTERS_MIN {
            return Ok(Noted::TooShort);
        }
        let address: String = address.chars().take(64).collect();
        let sha256 = secret.sha256();
        let mut group = self.begin_group().await?;
        let again = on_group!(group, conn, dialect => {
            sqlx::query(TRIED_AGAIN.text(dialect))
                .bind(&address)
                .bind(now_us)
                .bind(device.as_str())
                .bind(sha256.as_slice())
                .execute(conn)
                .await?
                .rows_affected()
        });
        if again > 0 {
            group.commit().await?;
            return Ok(Noted::Again);
        }
        let (registered,): (i64,) = on_group!(group, conn, dialect => {
            sqlx::query_as(IS_REGISTERED.text(dialect)).bind(device.as_str()).fetch_one(conn).await?
        });
        if registered > 0 {
            return Ok(Noted::Registered);
        }
        let (new,): (i64,) = on_group!(group, conn, dialect => {
            sqlx::query_as(NEW_SINCE.text(dialect)).bind(now_us.saturating_sub(MINUTE_US)).fetch_one(conn).await?
        });
        if new >= NEW_PER_MINUTE_MAX {
            return Ok(Noted::TooMany);
        }
        let hashes = SecretHashes::of(secret)?;
        on_group!(group, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(device.as_str())
                .bind(sha256.as_slice())
                .bind(&hashes.broker)
                .bind(&address)
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await?;
        });
        let beyond: Vec<(String, Vec<u8>)> = on_group!(group, conn, dialect => {
            sqlx::query_as(BEYOND.text(dialect)).bind(PENDING_MAX).fetch_all(conn).await?
        });
        for (device, sha256) in beyond {
            group.forget_one_pending(&device, &sha256).await?;
        }
        group.commit().await?;
        Ok(Noted::New)
    }

    /// The devices that wait for approval, the one that tried last first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_devices(&self) -> Result<Vec<PendingDevice>, StoreError> {
        let rows: Vec<(String, Vec<u8>, String, i64, i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LIST.text(dialect)).fetch_all(pool).await?
        });
        rows.into_iter()
            .map(|(device, secret, address, first_at_us, last_at_us, tries)| {
                Ok(PendingDevice {
                    secret_sha256: read_sha256(&device, secret)?,
                    device: read_id(&device)?,
                    address,
                    first_at_us,
                    last_at_us,
                    tries,
                })
            })
            .collect()
    }

    /// Registers a pending device with exactly the secret it presented; all others that call themselves the same are
    /// forgotten. It is in at its next try.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when a device of that id is registered already: an id is claimed once.
    /// [`StoreError::Missing`] when nobody with that id and secret is pending.
    pub async fn approve_pending(
        &self,
        by: &Actor,
        device: &DeviceId,
        secret_sha256: &[u8; 32],
        kind: DeviceKind,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.lock_devices().await?;
        if group.current_device(device).await?.is_some() {
            return Err(StoreError::Duplicate { what: "A device called", name: device.to_string() });
        }
        let pending = group.pending(device, secret_sha256).await?;
        let (broker, address, tries) = pending.ok_or_else(|| missing(device))?;
        let hashes = SecretHashes { sha256: *secret_sha256, broker };
        group.enter_device(device, kind, &hashes, now_us).await?;
        let change = Change::new("approve device", format!("device {device}"))
            .from(json!({ "address": address, "tries": tries }))
            .to(json!({ "kind": kind, "disabled": false }));
        group.note_change(by, device, &change, now_us).await?;
        group.commit().await
    }

    /// Takes a pending device from the list; it is noted again when it tries again.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when nobody with that id and secret is pending.
    pub async fn dismiss_pending(
        &self,
        by: &Actor,
        device: &DeviceId,
        secret_sha256: &[u8; 32],
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.lock_devices().await?;
        let pending = group.pending(device, secret_sha256).await?;
        let (_, address, tries) = pending.ok_or_else(|| missing(device))?;
        group.forget_one_pending(device.as_str(), secret_sha256).await?;
        let change = Change::new("dismiss pending device", format!("device {device}"))
            .from(json!({ "address": address, "tries": tries }));
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }
}

fn missing(device: &DeviceId) -> StoreError {
    StoreError::Missing { what: "pending device with that secret and the id", name: device.to_string() }
}

impl Group {
    /// Hash for brokers, address and tries of a pending device.
    async fn pending(
        &mut self,
        device: &DeviceId,
        secret_sha256: &[u8; 32],
    ) -> Result<Option<(String, String, i64)>, StoreError> {
        Ok(on_group!(self, conn, dialect => {
            sqlx::query_as(ONE.text(dialect))
                .bind(device.as_str())
                .bind(secret_sha256.as_slice())
                .fetch_optional(conn)
                .await?
        }))
    }

    /// Forgets everybody who calls himself that.
    pub(super) async fn forget_pending(&mut self, device: &DeviceId) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(FORGET.text(dialect)).bind(device.as_str()).execute(conn).await?;
        });
        Ok(())
    }

    async fn forget_one_pending(&mut self, device: &str, secret_sha256: &[u8]) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(FORGET_ONE.text(dialect)).bind(device).bind(secret_sha256).execute(conn).await?;
        });
        Ok(())
    }
}
