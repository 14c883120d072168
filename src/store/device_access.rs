//! Who may log in: devices are registered, shut out, let in again and given new secrets.
//!
//! All of these follow each other, held apart by the head of the audit log, so each sees what the one before did. The
//! number of its audit entry is the revision of a device: it grows in the order in which changes become visible.

use serde_json::json;

use super::devices::{read_id, read_sha256};
use super::group::on_group;
use super::sql::{on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::domain::secret::{BROKER_SALT_BYTES, DeviceSecret};

statements! {
    LOCK = "
        SELECT audit_id
        FROM audit_head
        WHERE audit_head_id = 1" | "
        SELECT audit_id
        FROM audit_head
        WHERE audit_head_id = 1
        FOR UPDATE";
    CURRENT = "
        SELECT d.kind, d.secret_sha256, d.disabled, COALESCE(a.broker_hash, ''), COALESCE(a.audit_id, 0)
        FROM device d
        LEFT JOIN device_access a ON a.device_id = d.device_id
        WHERE d.device_id = ?";
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
    SET_DISABLED = "
        UPDATE device
        SET disabled = ?
        WHERE device_id = ?";
    SET_SECRET = "
        UPDATE device
        SET secret_sha256 = ?
        WHERE device_id = ?";
    SET_BROKER_HASH = "
        INSERT INTO device_access (device_id, broker_hash, audit_id)
        VALUES (?, ?, 0)
        ON CONFLICT (device_id) DO UPDATE SET broker_hash = excluded.broker_hash" | "
        INSERT INTO device_access (device_id, broker_hash, audit_id)
        VALUES (?, ?, 0)
        ON DUPLICATE KEY UPDATE broker_hash = VALUES(broker_hash)";
    SET_REVISION = "
        INSERT INTO device_access (device_id, broker_hash, audit_id)
        SELECT ?, '', audit_id FROM audit_head WHERE audit_head_id = 1
        ON CONFLICT (device_id) DO UPDATE SET audit_id = excluded.audit_id" | "
        INSERT INTO device_access (device_id, broker_hash, audit_id)
        SELECT ?, '', audit_id FROM audit_head WHERE audit_head_id = 1
        ON DUPLICATE KEY UPDATE audit_id = VALUES(audit_id)";
    CHANGED_AFTER = "
        SELECT device_id, audit_id
        FROM device_access
        WHERE audit_id > ?
        ORDER BY audit_id
        LIMIT ?";
    BROKER_LOGINS = "
        SELECT d.device_id, COALESCE(a.broker_hash, '')
        FROM device d
        LEFT JOIN device_access a ON a.device_id = d.device_id
        WHERE d.disabled = 0
        ORDER BY d.device_id";
}

/// What is kept of a secret: nothing here opens a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretHashes {
    pub(super) sha256: [u8; 32],
    /// As a Mosquitto broker keeps it.
    pub(super) broker: String,
}

impl SecretHashes {
    pub(super) fn of(secret: &DeviceSecret) -> Result<Self, StoreError> {
        let mut salt = [0; BROKER_SALT_BYTES];
        getrandom::fill(&mut salt).map_err(StoreError::Randomness)?;
        Ok(Self { sha256: secret.sha256(), broker: secret.broker_hash(&salt) })
    }
}

/// How a device is registered now.
pub(super) struct Current {
    kind: String,
    secret_sha256: [u8; 32],
    disabled: bool,
    broker_hash: String,
    revision: i64,
}

/// What an enabled device logs in with at a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerLogin {
    /// Its user name.
    pub device: DeviceId,
    /// The hash of its secret as Mosquitto writes it; `None` for a device registered by a version that did not keep it:
    /// a new secret mends that.
    pub hash: Option<String>,
}

impl Store {
    /// Registers a device, or gives a known one this kind and secret and lets it in again. `false` when all of that was
    /// so already: then nothing is written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn register_device(
        &self,
        by: &Actor,
        device: &DeviceId,
        kind: DeviceKind,
        secret: &DeviceSecret,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        group.lock_devices().await?;
        let known = group.current_device(device).await?;
        let is_same_secret = known.as_ref().is_some_and(|known| secret.matches(&known.secret_sha256));
        let is_complete = |known: &Current| !known.disabled && !known.broker_hash.is_empty();
        if is_same_secret && known.as_ref().is_some_and(|known| known.kind == kind.as_str() && is_complete(known)) {
            return Ok(false);
        }
        let mut change = Change::new("register device", format!("device {device}"))
            .to(json!({ "kind": kind, "disabled": false, "secret": if is_same_secret { "kept" } else { "new" } }));
        if let Some(known) = known {
            change = change.from(json!({ "kind": known.kind, "disabled": known.disabled }));
        }
        group.enter_device(device, kind, &SecretHashes::of(secret)?, now_us).await?;
        group.note_change(by, device, &change, now_us).await?;
        group.commit().await?;
        Ok(true)
    }

    /// Shuts a device out; its connection is closed within two seconds. `false` when it was shut out already.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not registered.
    pub async fn disable_device(
        &self,
        by: &Actor,
        device: &DeviceId,
        reason: &str,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        self.set_disabled(by, device, true, reason, now_us).await
    }

    /// Lets a device in again, with the secret it has. `false` when it was not shut out.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not registered.
    pub async fn enable_device(
        &self,
        by: &Actor,
        device: &DeviceId,
        reason: &str,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        self.set_disabled(by, device, false, reason, now_us).await
    }

    async fn set_disabled(
        &self,
        by: &Actor,
        device: &DeviceId,
        disabled: bool,
        reason: &str,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let mut group = self.begin_group().await?;
        group.lock_devices().await?;
        let known = group.current_device(device).await?.ok_or_else(|| missing(device))?;
        if known.disabled == disabled {
            return Ok(false);
        }
        on_group!(group, conn, dialect => {
            sqlx::query(SET_DISABLED.text(dialect)).bind(disabled).bind(device.as_str()).execute(conn).await?;
        });
        let action = if disabled { "disable device" } else { "enable device" };
        let change = Change::new(action, format!("device {device}"))
            .from(json!({ "disabled": known.disabled }))
            .to(json!({ "disabled": disabled }))
            .because(reason);
        group.note_change(by, device, &change, now_us).await?;
        group.commit().await?;
        Ok(true)
    }

    /// Gives a device a new secret and returns it, this once; the old one counts no more and a connection made with it
    /// is closed within two seconds. A device that is shut out stays so.
    ///
    /// `revision` is that of the device as it was looked at: of two people who do this at once, the second is told
    /// instead of undoing the secret that the first has just given to the device.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it is not registered, [`StoreError::Conflict`] when it has another revision.
    pub async fn rotate_device(
        &self,
        by: &Actor,
        device: &DeviceId,
        revision: i64,
        now_us: i64,
    ) -> Result<DeviceSecret, StoreError> {
        let secret = DeviceSecret::draw().map_err(StoreError::Randomness)?;
        let hashes = SecretHashes::of(&secret)?;
        let mut group = self.begin_group().await?;
        group.lock_devices().await?;
        let known = group.current_device(device).await?.ok_or_else(|| missing(device))?;
        if known.revision != revision {
            return Err(StoreError::Conflict(format!(
                "Somebody else changed device {device} in the meantime. Look at it again."
            )));
        }
        on_group!(group, conn, dialect => {
            sqlx::query(SET_SECRET.text(dialect))
                .bind(hashes.sha256.as_slice())
                .bind(device.as_str())
                .execute(conn)
                .await?;
        });
        group.set_broker_hash(device, &hashes).await?;
        let change = Change::new("rotate device secret", format!("device {device}"));
        group.note_change(by, device, &change, now_us).await?;
        group.commit().await?;
        Ok(secret)
    }

    /// Devices whose registration changed after `revision`, with their revisions, the oldest change first, at most
    /// `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn devices_changed_after(&self, revision: i64, limit: i64) -> Result<Vec<(DeviceId, i64)>, StoreError> {
        let rows: Vec<(String, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(CHANGED_AFTER.text(dialect)).bind(revision).bind(limit).fetch_all(pool).await?
        });
        rows.into_iter().map(|(device, revision)| Ok((read_id(&device)?, revision))).collect()
    }

    /// What a broker needs to let in every device that is not shut out, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn broker_logins(&self) -> Result<Vec<BrokerLogin>, StoreError> {
        let rows: Vec<(String, String)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BROKER_LOGINS.text(dialect)).fetch_all(pool).await?
        });
        let login = |(device, hash): (String, String)| {
            Ok(BrokerLogin { device: read_id(&device)?, hash: Some(hash).filter(|hash| !hash.is_empty()) })
        };
        rows.into_iter().map(login).collect()
    }
}

fn missing(device: &DeviceId) -> StoreError {
    StoreError::Missing { what: "device", name: device.to_string() }
}

impl Group {
    /// Waits for the changes of devices that others have begun; from here on nobody begins one until this group ends.
    pub(super) async fn lock_devices(&mut self) -> Result<(), StoreError> {
        let _: (i64,) = on_group!(self, conn, dialect => sqlx::query_as(LOCK.text(dialect)).fetch_one(conn).await?);
        Ok(())
    }

    pub(super) async fn current_device(&mut self, device: &DeviceId) -> Result<Option<Current>, StoreError> {
        let row: Option<(String, Vec<u8>, bool, String, i64)> = on_group!(self, conn, dialect => {
            sqlx::query_as(CURRENT.text(dialect)).bind(device.as_str()).fetch_optional(conn).await?
        });
        row.map(|(kind, secret, disabled, broker_hash, revision)| {
            let secret_sha256 = read_sha256(device.as_str(), secret)?;
            Ok(Current { kind, secret_sha256, disabled, broker_hash, revision })
        })
        .transpose()
    }

    /// Stores a device with its secret; nobody of that id is pending any more.
    pub(super) async fn enter_device(
        &mut self,
        device: &DeviceId,
        kind: DeviceKind,
        hashes: &SecretHashes,
        now_us: i64,
    ) -> Result<(), StoreError> {
        if device.is_of_import() {
            let taken = format!("{device} is kept for the rows of an imported file. Choose another id.");
            return Err(StoreError::Conflict(taken));
        }
        on_group!(self, conn, dialect => {
            sqlx::query(REGISTER.text(dialect))
                .bind(device.as_str())
                .bind(kind.as_str())
                .bind(hashes.sha256.as_slice())
                .bind(now_us)
                .execute(conn)
                .await?;
        });
        self.set_broker_hash(device, hashes).await?;
        self.forget_pending(device).await
    }

    async fn set_broker_hash(&mut self, device: &DeviceId, hashes: &SecretHashes) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(SET_BROKER_HASH.text(dialect))
                .bind(device.as_str())
                .bind(&hashes.broker)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    /// Writes the audit entry of a change, and its number as the device's revision.
    pub(super) async fn note_change(
        &mut self,
        by: &Actor,
        device: &DeviceId,
        change: &Change,
        now_us: i64,
    ) -> Result<(), StoreError> {
        self.audit(by, change, now_us).await?;
        on_group!(self, conn, dialect => {
            sqlx::query(SET_REVISION.text(dialect)).bind(device.as_str()).execute(conn).await?;
        });
        Ok(())
    }
}
