//! The gate: who may connect.

use crate::domain::ids::DeviceId;
use crate::domain::secret::DeviceSecret;
use crate::store::Store;
use crate::store::devices::DeviceLogin;

/// Checks log-ins against the registered devices.
#[derive(Debug, Clone)]
pub enum Gate {
    /// The devices of the database.
    Store(Store),
    /// A fixed list.
    #[cfg(test)]
    Fixed(std::sync::Arc<Vec<(DeviceId, DeviceLogin)>>),
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
    /// The device that logs in with this user name and password.
    ///
    /// # Errors
    /// [`Refusal`] says whether trying again can help.
    pub async fn login(&self, user_name: Option<&str>, password: Option<&[u8]>) -> Result<DeviceId, Refusal> {
        let device: DeviceId = user_name.and_then(|name| name.parse().ok()).ok_or(Refusal::Wrong)?;
        let secret = password.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(Refusal::Wrong)?;
        let login = self.find(&device).await?;
        // An unknown device costs the same comparison as a known one.
        let known = login.clone().unwrap_or(DeviceLogin { secret_sha256: [0; 32], disabled: true, revision: 0 });
        let matches = DeviceSecret::sent(secret).matches(&known.secret_sha256);
        if matches && !known.disabled { Ok(device) } else { Err(Refusal::Wrong) }
    }

    async fn find(&self, device: &DeviceId) -> Result<Option<DeviceLogin>, Refusal> {
        match self {
            Self::Store(store) => store.device_login(device).await.map_err(|error| {
                tracing::warn!(%device, error = &error as &dyn std::error::Error, "log-in not checked");
                Refusal::Unavailable
            }),
            #[cfg(test)]
            Self::Fixed(list) => Ok(list.iter().find(|(id, _)| id == device).map(|(_, login)| login.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        let login =
            |disabled| DeviceLogin { secret_sha256: DeviceSecret::sent("right").sha256(), disabled, revision: 0 };
        let entry = |id: &str, disabled| (id.parse().unwrap(), login(disabled));
        Gate::Fixed(vec![entry("cu-1", false), entry("cu-2", true)].into())
    }

    #[tokio::test]
    async fn only_the_right_secret_of_an_admitted_device_opens_the_gate() {
        let gate = gate();
        assert_eq!(gate.login(Some("cu-1"), Some(b"right")).await.map(|id| id.to_string()), Ok("cu-1".to_owned()));
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
            assert_eq!(gate.login(name, password).await, Err(Refusal::Wrong), "{name:?} {password:?}");
        }
    }
}
