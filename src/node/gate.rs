//! The gate: who may connect, and who asked in vain.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use crate::clock::Clock;
use crate::domain::ids::DeviceId;
use crate::domain::secret::{DeviceSecret, secret_code};
use crate::store::devices::DeviceLogin;
use crate::store::pending_devices::{Noted, SECRET_CHARACTERS_MIN};
use crate::store::{Store, StoreError};

/// Tries of unknown devices that wait to be noted; more are not noted, because a log-in never waits for them.
const UNKNOWN_MAX: usize = 32;
/// Pause after each note: at most five small transactions a second, whoever knocks how often.
const NOTE_PAUSE: Duration = Duration::from_millis(200);
/// Longest secret of an unknown device that is looked at, in bytes.
const SECRET_BYTES_MAX: usize = 256;
/// Log-ins looked up in the database side by side. Ten thousand devices that come back at once wait for each other here, and
/// not in front of the database's connections: those are for whoever leads, stores and reads meanwhile.
const LOOKUPS_MAX: usize = 2;
/// Changes of devices read at a time.
const CHANGES_MAX: i64 = 1_000;

/// Checks log-ins against the registered devices. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    list: List,
    lookups: Arc<Semaphore>,
    unknown: mpsc::Sender<Unknown>,
    refused: Arc<RefusedCounts>,
}

/// Where the registered devices stand.
#[derive(Debug, Clone)]
enum List {
    /// In the database.
    Store(Store),
    /// In a fixed list.
    #[cfg(test)]
    Fixed(Arc<Vec<(DeviceId, DeviceLogin)>>),
}

/// A device that nobody registered, at the moment it tried to connect.
#[derive(Debug)]
struct Unknown {
    device: DeviceId,
    secret: DeviceSecret,
    peer: IpAddr,
}

#[derive(Debug, Default)]
struct RefusedCounts {
    unknown: AtomicU64,
    wrong_secret: AtomicU64,
    disabled: AtomicU64,
}

/// How many log-ins were refused since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Of ids that nobody registered.
    pub unknown: u64,
    /// Of registered devices, with a wrong secret.
    pub wrong_secret: u64,
    /// Of devices that are shut out, with their right secret.
    pub disabled: u64,
}

/// A device that may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Which one.
    pub device: DeviceId,
    /// The revision of its registration that this holds for.
    pub revision: i64,
}

/// Why a device may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Unknown device, wrong secret, or a device that was shut out: which one is nobody's business.
    #[error("the device id or its secret is wrong")]
    Wrong,
    /// The database did not answer; the device is right to try again.
    #[error("log-ins cannot be checked now")]
    Unavailable,
}

impl Gate {
    /// A gate before the devices of a database. Unknown ones are noted there as pending, by a task of their own that
    /// ends with the last clone of the gate.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        let (unknown, knocks) = mpsc::channel(UNKNOWN_MAX);
        tokio::spawn(note(store.clone(), clock, knocks));
        let lookups = Arc::new(Semaphore::new(LOOKUPS_MAX));
        Self { list: List::Store(store), lookups, unknown, refused: Arc::default() }
    }

    /// A gate before a fixed list of devices.
    #[cfg(test)]
    pub(crate) fn fixed(devices: Vec<(DeviceId, DeviceLogin)>) -> Self {
        let lookups = Arc::new(Semaphore::new(LOOKUPS_MAX));
        Self { list: List::Fixed(devices.into()), lookups, unknown: mpsc::channel(1).0, refused: Arc::default() }
    }

    /// The device that logs in with this user name and password from that address.
    ///
    /// # Errors
    /// [`Refusal`] says whether trying again can help.
    pub async fn login(
        &self,
        user_name: Option<&str>,
        password: Option<&[u8]>,
        peer: IpAddr,
    ) -> Result<Admitted, Refusal> {
        let device: DeviceId = user_name.and_then(|name| name.parse().ok()).ok_or(Refusal::Wrong)?;
        let secret = password.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(Refusal::Wrong)?;
        let secret = DeviceSecret::sent(secret);
        let login = self.find(&device).await?;
        // An unknown device costs the same comparison as a known one.
        let (is_known, known) = match login {
            Some(login) => (true, login),
            None => (false, DeviceLogin { secret_sha256: [0; 32], disabled: true, revision: 0 }),
        };
        let matches = secret.matches(&known.secret_sha256);
        if matches && !known.disabled {
            return Ok(Admitted { device, revision: known.revision });
        }
        if !is_known {
            self.refused.unknown.fetch_add(1, Ordering::Relaxed);
            self.knock(device, secret, peer);
        } else if matches {
            self.refused.disabled.fetch_add(1, Ordering::Relaxed);
        } else {
            self.refused.wrong_secret.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%device, %peer, "a registered device presented a wrong secret");
        }
        Err(Refusal::Wrong)
    }

    /// How many log-ins were refused since the start.
    #[must_use]
    pub fn refused(&self) -> Refused {
        Refused {
            unknown: self.refused.unknown.load(Ordering::Relaxed),
            wrong_secret: self.refused.wrong_secret.load(Ordering::Relaxed),
            disabled: self.refused.disabled.load(Ordering::Relaxed),
        }
    }

    /// Devices whose registration changed after `revision`, with their revisions, the oldest change first; some of
    /// them when they are many.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn changed_after(&self, revision: i64) -> Result<Vec<(DeviceId, i64)>, StoreError> {
        match &self.list {
            List::Store(store) => store.devices_changed_after(revision, CHANGES_MAX).await,
            #[cfg(test)]
            List::Fixed(_) => Ok(Vec::new()),
        }
    }

    async fn find(&self, device: &DeviceId) -> Result<Option<DeviceLogin>, Refusal> {
        // Nobody closes it; if somebody did, the log-in was not checked.
        let _turn = self.lookups.acquire().await.map_err(|_| Refusal::Unavailable)?;
        match &self.list {
            List::Store(store) => store.device_login(device).await.map_err(|error| {
                tracing::warn!(%device, error = &error as &dyn std::error::Error, "log-in not checked");
                Refusal::Unavailable
            }),
            #[cfg(test)]
            List::Fixed(list) => Ok(list.iter().find(|(id, _)| id == device).map(|(_, login)| login.clone())),
        }
    }

    /// Passes an unknown device on to be noted, if there is room: nobody waits for it.
    fn knock(&self, device: DeviceId, secret: DeviceSecret, peer: IpAddr) {
        let text = secret.reveal();
        if text.chars().count() >= SECRET_CHARACTERS_MIN && text.len() <= SECRET_BYTES_MAX {
            let _ = self.unknown.try_send(Unknown { device, secret, peer });
        }
    }
}

/// Notes unknown devices as pending, one at a time and not too often.
async fn note(store: Store, clock: Clock, mut knocks: mpsc::Receiver<Unknown>) {
    while let Some(Unknown { device, secret, peer }) = knocks.recv().await {
        match store.note_pending(&device, &secret, &peer.to_string(), clock.now_us()).await {
            Ok(Noted::New) => {
                let code = secret_code(&secret.sha256());
                tracing::info!(%device, %peer, code, "an unregistered device asks to be let in: approve or ignore it");
            }
            Ok(noted) => tracing::debug!(%device, %peer, ?noted, "an unregistered device asks to be let in"),
            Err(error) => {
                tracing::warn!(%device, error = &error as &dyn std::error::Error, "an unregistered device was not noted");
            }
        }
        tokio::time::sleep(NOTE_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn gate() -> Gate {
        let login =
            |disabled| DeviceLogin { secret_sha256: DeviceSecret::sent("right").sha256(), disabled, revision: 4 };
        let entry = |id: &str, disabled| (id.parse().unwrap(), login(disabled));
        Gate::fixed(vec![entry("cu-1", false), entry("cu-2", true)])
    }

    #[tokio::test]
    async fn only_the_right_secret_of_an_admitted_device_opens_the_gate() {
        let gate = gate();
        let admitted = gate.login(Some("cu-1"), Some(b"right"), PEER).await;
        assert_eq!(admitted, Ok(Admitted { device: "cu-1".parse().unwrap(), revision: 4 }));
        for (name, password) in [
            (Some("cu-1"), Some(&b"wrong"[..])),
            (Some("cu-1"), Some(b"")),
            (Some("cu-1"), None),
            (Some("cu-1"), Some(b"\xff")),
            (Some("cu-2"), Some(b"right")),
            (Some("cu-3"), Some(b"right")),
            (Some("CU/1"), Some(b"right")),
            (None, Some(b"right")),
        ] {
            assert_eq!(gate.login(name, password, PEER).await, Err(Refusal::Wrong), "{name:?} {password:?}");
        }
        assert_eq!(gate.refused(), Refused { unknown: 1, wrong_secret: 2, disabled: 1 });
    }

    #[tokio::test]
    async fn only_plausible_secrets_of_unknown_devices_are_passed_on_and_nobody_waits_for_it() {
        let (sender, mut knocks) = mpsc::channel(UNKNOWN_MAX);
        let gate = Gate { unknown: sender, ..gate() };
        let long = "x".repeat(SECRET_BYTES_MAX + 1);
        for (name, password) in [
            ("cu-1", "a wrong secret, long"),
            ("cu-2", "a wrong secret, long"),
            ("new", "fifteen letters"),
            ("new", &long),
            ("NEW", "sixteen letters!"),
        ] {
            assert_eq!(gate.login(Some(name), Some(password.as_bytes()), PEER).await, Err(Refusal::Wrong));
        }
        assert!(knocks.try_recv().is_err());
        for _ in 0..2 * UNKNOWN_MAX {
            assert_eq!(gate.login(Some("new"), Some(b"sixteen letters!"), PEER).await, Err(Refusal::Wrong));
        }
        let waiting = std::iter::from_fn(|| knocks.try_recv().ok());
        assert_eq!(waiting.map(|unknown| unknown.device.to_string()).collect::<Vec<_>>(), vec!["new"; UNKNOWN_MAX]);
    }
}
