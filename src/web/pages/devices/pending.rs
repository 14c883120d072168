//! `POST /devices/pending/approve` and `/dismiss`: lets a device in that asked, or takes it from the list.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::domain::device::DeviceKind;
use crate::domain::ids::DeviceId;
use crate::store::StoreError;
use crate::web::{State, Visitor, WebError, answer};

/// Which one of the list, and as what.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    device: String,
    secret: String,
    kind: String,
}

impl Choice {
    fn device(&self) -> Result<DeviceId, WebError> {
        self.device.parse().map_err(|error: crate::domain::ids::BadDeviceId| WebError::Invalid {
            target: "device",
            message: error.to_string(),
        })
    }

    fn secret_sha256(&self) -> Result<[u8; 32], WebError> {
        sha256(&self.secret).ok_or_else(|| WebError::Invalid {
            target: "secret",
            message: "The list is needed to approve a device. Load it again.".to_owned(),
        })
    }
}

/// 64 hexadecimal digits as bytes.
fn sha256(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Registers a device with exactly the secret it presented.
///
/// # Errors
/// 409 when it is registered or no longer in the list, 422 for a form that is not ours.
pub async fn approve(
    state: web::Data<State>,
    visitor: Visitor,
    choice: web::Form<Choice>,
) -> Result<HttpResponse, WebError> {
    let device = choice.device()?;
    let secret = choice.secret_sha256()?;
    let kind: DeviceKind = choice.kind.parse().map_err(|message| WebError::Invalid { target: "kind", message })?;
    let done = state.store.approve_pending(&visitor.actor(), &device, &secret, kind, state.clock.now_us()).await;
    match done {
        Ok(()) => Ok(answer::see_other(&format!("/devices?done=approved&to={device}"))),
        Err(StoreError::Duplicate { .. }) => Err(WebError::Conflict(format!(
            "{device} is registered already: somebody approved it, or the button was pressed twice."
        ))),
        Err(error) => Err(gone(error, &device)),
    }
}

/// Takes a device from the list.
///
/// # Errors
/// 409 when it is no longer in the list, 422 for a form that is not ours.
pub async fn dismiss(
    state: web::Data<State>,
    visitor: Visitor,
    choice: web::Form<Choice>,
) -> Result<HttpResponse, WebError> {
    let device = choice.device()?;
    let secret = choice.secret_sha256()?;
    state
        .store
        .dismiss_pending(&visitor.actor(), &device, &secret, state.clock.now_us())
        .await
        .map_err(|error| gone(error, &device))?;
    Ok(answer::see_other("/devices?done=dismissed"))
}

fn gone(error: StoreError, device: &DeviceId) -> WebError {
    match error {
        StoreError::Missing { .. } => WebError::Conflict(format!(
            "{device} no longer waits with that code: somebody was faster, or it tries with another secret. Look at \
             the list again."
        )),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_exactly_its_digits() {
        assert_eq!(sha256(&"0f".repeat(32)), Some([15; 32]));
        for wrong in [String::new(), "0f".repeat(31), "0g".repeat(32), "+f".repeat(32), "ä".repeat(32)] {
            assert_eq!(sha256(&wrong), None, "{wrong}");
        }
    }
}
