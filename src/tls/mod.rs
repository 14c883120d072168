//! Certificates and keys of the server: files of one's own, or a certificate of the laboratory's own authority.
//!
//! [`load`] gives what the pages and the MQTT endpoint need to speak TLS 1.2 and 1.3, and nothing older.

mod authority;
mod files;
mod given;
mod lab;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::clock::Clock;
use crate::config::Config;

/// Seconds of a day.
const DAY_S: i64 = 86_400;
/// A certificate that ends within so many days is renewed, or its owner is told.
const RENEW_BEFORE_DAYS: i64 = 30;

/// What is needed to speak TLS.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// For everything that accepts connections.
    pub config: Arc<ServerConfig>,
    /// The authority behind the certificate, when it is the laboratory's own.
    pub authority: Option<Authority>,
}

/// The laboratory's own certificate authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The file to trust.
    pub certificate: PathBuf,
    /// SHA-256 of the certificate, as browsers show it: `AB:CD:…`.
    pub fingerprint: String,
    /// Whether it was made just now, so that nobody trusts it yet.
    pub is_new: bool,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file or the folder cannot be used.
    #[error("cannot {action} {path}: {cause}; this user must be able to")]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file of one's own is not what it should be.
    #[error("{path}: {reason}")]
    Given {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A file of the laboratory's authority is not what it should be.
    #[error(
        "{path}: {reason}; put it back, or move the folder {folder} away and start again: then there is a new \
             authority, which every browser and device has to trust anew"
    )]
    Lab {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The folder it is in.
        folder: PathBuf,
    },
    /// No certificate could be made.
    #[error("no certificate can be made: {0}")]
    Making(#[from] rcgen::Error),
    /// The TLS library refuses what it got.
    #[error("TLS: {0}")]
    Library(#[from] rustls::Error),
}

impl TlsError {
    /// Whether somebody gave files that cannot be used, in contrast to a failure of this computer.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self, Self::Given { .. })
    }
}

/// Certificate and key as the settings want them; `None` when TLS is off. Makes or renews the laboratory's own.
///
/// # Errors
/// [`TlsError`] names the file and the remedy.
pub fn load(config: &Config, clock: &Clock) -> Result<Option<ServerTls>, TlsError> {
    if !config.tls.is_on() {
        return Ok(None);
    }
    let now_s = clock.now_us().div_euclid(1_000_000);
    if config.tls.has_own_files() {
        let config = given::load(&config.tls.certificate, &config.tls.key, now_s)?;
        return Ok(Some(ServerTls { config, authority: None }));
    }
    let names = lab::names(config);
    let (server, authority) = lab::load(&config.data_dir.join("tls"), &names, now_s)?;
    Ok(Some(ServerTls { config: server, authority: Some(authority) }))
}

/// TLS 1.2 and 1.3 with this certificate.
fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions)?;
    Ok(Arc::new(builder.with_no_client_auth().with_single_cert(chain, key)?))
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed)
}

/// When the certificate begins and ends to be valid, seconds since the epoch.
fn validity_s(certificate: &X509Certificate<'_>) -> (i64, i64) {
    let validity = certificate.validity();
    (validity.not_before.timestamp(), validity.not_after.timestamp())
}

/// `2026-11-21`
fn date(at_s: i64) -> String {
    chrono::DateTime::from_timestamp(at_s, 0).map_or_else(|| format!("{at_s} s"), |at| at.format("%F").to_string())
}

#[cfg(test)]
mod tests;
