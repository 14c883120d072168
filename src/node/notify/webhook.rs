//! The webhook: one signed POST per alarm.
//!
//! A client of its own: one request without redirects to the one address of the settings needs no library, and no answer
//! of a stranger can send it elsewhere.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::NotDelivered;
use crate::config::Notify;

/// Bytes of the answer that are read: its first line.
const ANSWER_BYTES_MAX: usize = 1_024;
/// The header with the signature: `sha256=` and HMAC-SHA-256 of the body, hexadecimal.
const SIGNATURE: &str = "x-cellar-signature";

/// The way to one address.
pub(super) struct Webhook {
    host: String,
    port: u16,
    path: String,
    secret: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Webhook {
    pub(super) fn new(settings: &Notify) -> Result<Self, String> {
        const WRONG: &str = "notify.webhook_url cannot be used: write https://host/path";
        let (scheme, rest) = settings.webhook_url.split_once("://").ok_or(WRONG)?;
        let (address, path) = rest.split_once('/').map_or((rest, String::new()), |(a, p)| (a, p.to_owned()));
        if address.contains('@') || path.contains([' ', '\r', '\n', '#']) {
            return Err(WRONG.to_owned());
        }
        let default = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| WRONG)?),
            None => (address, default),
        };
        let tls = (scheme == "https").then(|| connector(host)).transpose()?;
        Ok(Self { host: host.to_owned(), port, path: format!("/{path}"), secret: settings.webhook_secret.clone(), tls })
    }

    pub(super) async fn post(&self, body: &[u8]) -> Result<(), NotDelivered> {
        let failed = |error: std::io::Error| NotDelivered::Way(error.to_string());
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(failed)?;
        match &self.tls {
            None => self.exchange(stream, body).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(failed)?;
                self.exchange(stream, body).await
            }
        }
    }

    async fn exchange(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, body: &[u8]) -> Result<(), NotDelivered> {
        let failed = |error: std::io::Error| NotDelivered::Way(error.to_string());
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}:{}\r\nuser-agent: cellar/{}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n{SIGNATURE}: sha256={}\r\nconnection: close\r\n\r\n",
            self.path,
            self.host,
            self.port,
            env!("CARGO_PKG_VERSION"),
            body.len(),
            signature(self.secret.as_bytes(), body),
        );
        stream.write_all(head.as_bytes()).await.map_err(failed)?;
        stream.write_all(body).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        let mut answer = Vec::new();
        (&mut stream).take(ANSWER_BYTES_MAX as u64).read_to_end(&mut answer).await.map_err(failed)?;
        let line = String::from_utf8_lossy(&answer);
        let line = line.lines().next().unwrap_or_default();
        match line.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()) {
            Some(200..=299) => Ok(()),
            Some(code) => Err(NotDelivered::Way(format!("the webhook answered {code}"))),
            None => Err(NotDelivered::Way("the webhook did not answer in HTTP".to_owned())),
        }
    }
}

fn connector(host: &str) -> Result<(TlsConnector, ServerName<'static>), String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("notify.webhook_url: {error}"))?;
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// HMAC-SHA-256, hexadecimal.
fn signature(secret: &[u8], body: &[u8]) -> String {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str) -> Result<Webhook, String> {
        Webhook::new(&Notify { webhook_url: url.to_owned(), webhook_secret: "key".into(), ..Notify::default() })
    }

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(b"Jefe", b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn an_address_is_read_and_a_strange_one_refused() {
        let plain = webhook("http://127.0.0.1:8080/hook?x=1").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.path.as_str()), ("127.0.0.1", 8080, "/hook?x=1"));
        let safe = webhook("https://hooks.example").unwrap();
        assert!(safe.tls.is_some() && safe.port == 443 && safe.path == "/");
        for url in ["https://a@b/x", "https://host:port/", "http://h/a b", "nothing"] {
            assert!(webhook(url).is_err(), "{url}");
        }
    }
}
