//! A certificate and a key that somebody brought.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::{Error, InconsistentKeys, ServerConfig};

use super::{DAY_S, RENEW_BEFORE_DAYS, TlsError, date, files, parse, server_config, validity_s};

/// Checks both files.
pub(super) fn load(certificate: &Path, key: &Path, now_s: i64) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = files::certificates(&read(certificate)?);
    let parsed = chain.first().and_then(parse).ok_or_else(|| {
        wrong(certificate, "holds no certificate: a PEM file that begins with -----BEGIN CERTIFICATE----- is needed")
    })?;
    let (from_s, until_s) = validity_s(&parsed);
    if until_s <= now_s {
        let reason = format!("the certificate expired on {}: put a new one in its place", date(until_s));
        return Err(wrong(certificate, &reason));
    }
    if from_s > now_s {
        let reason = format!(
            "the certificate is valid from {} only, and today is {}: is the clock of this computer right?",
            date(from_s),
            date(now_s)
        );
        return Err(wrong(certificate, &reason));
    }
    if until_s - now_s < RENEW_BEFORE_DAYS * DAY_S {
        tracing::warn!("the certificate {} expires on {}: renew it soon", certificate.display(), date(until_s));
    }
    let private = files::key(&read(key)?).ok_or_else(|| {
        wrong(
            key,
            "holds no key that can be used: a PEM file with a PRIVATE KEY is needed, without \
             a password (`openssl pkey -in FILE -out NEW` removes it)",
        )
    })?;
    files::warn_if_readable(key);
    server_config(chain, private).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            let reason = format!("the key does not belong to the certificate {}", certificate.display());
            wrong(key, &format!("{reason}: give the two files that were made together"))
        }
        error => wrong(key, &format!("{error}: use an ECDSA P-256 or P-384, Ed25519 or RSA key")),
    })
}

fn read(path: &Path) -> Result<String, TlsError> {
    let bytes = fs::read(path).map_err(|cause| {
        wrong(path, &format!("cannot be read: {cause}; check the name, and that the server's user may read it"))
    })?;
    // A file that is no text holds no PEM either, which is then said.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn wrong(path: &Path, reason: &str) -> TlsError {
    TlsError::Given { path: path.to_owned(), reason: reason.to_owned() }
}
