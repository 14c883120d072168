//! The folder of the laboratory's own authority: what is in it is used, what is missing or too old is made.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use super::authority::{has_signed, is_good_for, new_authority, new_server};
use super::files::{self, Readers};
use super::{Authority, DAY_S, RENEW_BEFORE_DAYS, TlsError, date, parse, server_config, validity_s};
use crate::config::{Config, is_host};

const AUTHORITY: &str = "ca.pem";
const AUTHORITY_KEY: &str = "ca-key.pem";
const SERVER: &str = "server.pem";
const SERVER_KEY: &str = "server-key.pem";

/// The hosts the server's certificate is for: this computer under all its names, and those of the settings.
pub(super) fn names(config: &Config) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    names.extend(host_name());
    let addresses = [config.http.address.ip(), config.mqtt.address.ip()];
    names.extend(addresses.iter().filter(|address| !address.is_unspecified()).map(ToString::to_string));
    names.extend(config.tls.names.iter().map(|name| canonical(name)));
    if addresses.iter().any(IpAddr::is_unspecified) && config.tls.names.is_empty() {
        let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        tracing::warn!("the certificate is for {names} only: add the address that others use to tls.names");
    }
    names
}

/// The certificate in the folder, made or renewed if need be, and the authority that signed it.
pub(super) fn load(
    folder: &Path,
    hosts: &BTreeSet<String>,
    now_s: i64,
) -> Result<(Arc<ServerConfig>, Authority), TlsError> {
    files::make_folder(folder)?;
    let _lock = files::lock(folder)?;
    let (authority, is_new) = authority(folder, now_s)?;
    let server = match present_server(folder, &authority, hosts, now_s)? {
        Some(server) => server,
        None => renewed_server(folder, &authority, hosts, now_s)?,
    };
    for key in [AUTHORITY_KEY, SERVER_KEY] {
        files::warn_if_readable(&folder.join(key));
    }
    let authority = Authority { certificate: folder.join(AUTHORITY), fingerprint: fingerprint(&authority), is_new };
    Ok((server, authority))
}

/// The authority's certificate, and whether it is new.
fn authority(folder: &Path, now_s: i64) -> Result<(CertificateDer<'static>, bool), TlsError> {
    let text = match files::read(&folder.join(AUTHORITY))? {
        Some(text) => text,
        None if files::read(&folder.join(AUTHORITY_KEY))?.is_some() => {
            return Err(wrong(folder, AUTHORITY, "is missing, only its key is there"));
        }
        None => {
            let host = host_name().unwrap_or_else(|| "this laboratory".to_owned());
            let made = new_authority(&host, now_s)?;
            files::write(&folder.join(AUTHORITY), &made.certificate, Readers::All)?;
            files::write(&folder.join(AUTHORITY_KEY), &made.key, Readers::Owner)?;
            let made = files::certificates(&made.certificate).into_iter().next();
            return made.map(|made| (made, true)).ok_or(rcgen::Error::CouldNotParseCertificate.into());
        }
    };
    let certificate = files::certificates(&text).into_iter().next();
    let parsed = certificate.as_ref().and_then(parse);
    let (Some(certificate), Some(parsed)) = (&certificate, parsed) else {
        return Err(wrong(folder, AUTHORITY, "holds no certificate"));
    };
    let (_, until_s) = validity_s(&parsed);
    if until_s <= now_s {
        return Err(wrong(folder, AUTHORITY, &format!("the authority expired on {}", date(until_s))));
    }
    if until_s - now_s < RENEW_BEFORE_DAYS * DAY_S {
        tracing::warn!("the authority {} expires on {}", folder.join(AUTHORITY).display(), date(until_s));
    }
    Ok((certificate.clone(), false))
}

/// The server's certificate in the folder, if it will do.
fn present_server(
    folder: &Path,
    authority: &CertificateDer<'_>,
    hosts: &BTreeSet<String>,
    now_s: i64,
) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let certificate = files::read(&folder.join(SERVER))?;
    let key = files::read(&folder.join(SERVER_KEY))?;
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let chain = files::certificates(&certificate);
    let is_good =
        chain.first().is_some_and(|server| is_good_for(server, hosts, now_s) && has_signed(authority, server));
    let key = files::key(&key).filter(|_| is_good);
    Ok(key.and_then(|key| server_config(chain, key).ok()))
}

fn renewed_server(
    folder: &Path,
    authority: &CertificateDer<'_>,
    hosts: &BTreeSet<String>,
    now_s: i64,
) -> Result<Arc<ServerConfig>, TlsError> {
    let Some(authority_key) = files::read(&folder.join(AUTHORITY_KEY))? else {
        return Err(wrong(folder, AUTHORITY_KEY, "is missing and needed to make a new certificate of the server"));
    };
    let made = new_server(authority, &authority_key, hosts, now_s)
        .map_err(|error| wrong(folder, AUTHORITY_KEY, &format!("signs nothing: {error}")))?;
    let chain = files::certificates(&made.certificate);
    if !chain.first().is_some_and(|server| has_signed(authority, server)) {
        return Err(wrong(folder, AUTHORITY_KEY, "does not belong to ca.pem"));
    }
    files::write(&folder.join(SERVER_KEY), &made.key, Readers::Owner)?;
    files::write(&folder.join(SERVER), &made.certificate, Readers::All)?;
    tracing::info!(hosts = ?hosts, "made a new certificate of the server");
    let key = files::key(&made.key).ok_or(rcgen::Error::CouldNotParseKeyPair)?;
    Ok(server_config(chain, key)?)
}

fn wrong(folder: &Path, file: &str, reason: &str) -> TlsError {
    TlsError::Lab { path: folder.join(file), reason: reason.to_owned(), folder: folder.to_owned() }
}

/// `AB:CD:…`, as browsers and openssl show it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(certificate) {
        // Writing to a string does not fail.
        let _ = write!(text, "{}{byte:02X}", if text.is_empty() { "" } else { ":" });
    }
    text
}

/// The name of this computer, if it has one that fits into a certificate.
fn host_name() -> Option<String> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let name = files.iter().find_map(|file| std::fs::read_to_string(file).ok())?;
    let name = name.trim().to_lowercase();
    is_host(&name).then_some(name)
}

/// One spelling for each host: certificates are compared with what is wanted.
fn canonical(name: &str) -> String {
    name.parse::<IpAddr>().map_or_else(|_| name.to_lowercase(), |address| address.to_string())
}
