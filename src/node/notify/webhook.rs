//! The webhook: one signed POST per alarm.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::Agent;
use ureq::http::Uri;

use super::{NotDelivered, TRY_MAX};
use crate::config::Notify;
use crate::domain::text::hexadecimal;
use crate::outbound;

/// The header with the signature: `sha256=` and HMAC-SHA-256 of the body, hexadecimal.
const SIGNATURE: &str = "x-cellar-signature";

/// The way to one address.
pub(super) struct Webhook {
    client: Agent,
    address: Uri,
    secret: String,
}

impl Webhook {
    pub(super) fn new(settings: &Notify) -> Result<Self, String> {
        let address = address(&settings.webhook_url)
            .ok_or("notify.webhook_url cannot be used: write https://host/path".to_owned())?;
        Ok(Self { client: outbound::client(TRY_MAX), address, secret: settings.webhook_secret.clone() })
    }

    pub(super) async fn post(&self, body: &[u8]) -> Result<(), NotDelivered> {
        let request = self
            .client
            .post(&self.address)
            .header("content-type", "application/json")
            .header(SIGNATURE, format!("sha256={}", signature(self.secret.as_bytes(), body)));
        let body = body.to_vec();
        let answer = tokio::task::spawn_blocking(move || request.send(&body[..])).await;
        let answer = answer.map_err(|error| NotDelivered::Way(error.to_string()))?;
        match answer.map_err(|error| NotDelivered::Way(error.to_string()))?.status() {
            status if status.is_success() => Ok(()),
            status => Err(NotDelivered::Way(format!("the webhook answered {}", status.as_u16()))),
        }
    }
}

/// An address without a name and a password in it, which would be told in logs.
fn address(url: &str) -> Option<Uri> {
    let address: Uri = url.parse().ok()?;
    let is_web = matches!(address.scheme_str(), Some("http" | "https"));
    let is_plain = address.authority().is_some_and(|authority| {
        // What follows the host is a port, or it is nothing.
        let follows = authority.as_str().len() > authority.host().len();
        !authority.as_str().contains('@') && follows == authority.port_u16().is_some()
    });
    (is_web && is_plain && !url.contains('#')).then_some(address)
}

/// HMAC-SHA-256, hexadecimal.
fn signature(secret: &[u8], body: &[u8]) -> String {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(body);
    hexadecimal(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(b"Jefe", b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn an_address_is_read_and_a_strange_one_refused() {
        let plain = address("http://127.0.0.1:8080/hook?x=1").unwrap();
        assert_eq!((plain.host(), plain.port_u16(), plain.path()), (Some("127.0.0.1"), Some(8080), "/hook"));
        assert!(address("https://hooks.example").is_some());
        for url in ["https://a@b/x", "https://host:port/", "http://h/a b", "http://h/#part", "ftp://h/x", "nothing"] {
            assert!(address(url).is_none(), "{url}");
        }
    }
}
