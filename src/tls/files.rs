//! Files of certificates and keys.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// Nobody but the server's user.
const FOLDER_MODE: u32 = 0o700;
/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Only the server's user: a key.
    Owner,
    /// Everybody who may enter the folder: a certificate.
    All,
}

/// Makes the folder if it is not there.
pub(super) fn make_folder(folder: &Path) -> Result<(), TlsError> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
    made.map_err(|cause| failed("make the folder", folder, cause))
}

/// Waits until no other process is at work in the folder; until the file is dropped none will be.
pub(super) fn lock(folder: &Path) -> Result<File, TlsError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let locked = file.and_then(|file| file.lock().map(|()| file));
    locked.map_err(|cause| failed("lock", &path, cause))
}

/// Puts the file in its place in one step, so that nobody ever sees half of it.
pub(super) fn write(path: &Path, text: &str, readers: Readers) -> Result<(), TlsError> {
    let draft = path.with_extension("new");
    let write = || {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(|cause| failed("write", path, cause))
}

/// The file's text; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed("read", path, cause)),
    }
}

/// The certificates in a PEM text; empty when there are none, or not only good ones.
pub(super) fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap_or_default()
}

/// The first key in a PEM text.
pub(super) fn key(pem: &str) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()
}

/// Tells when others than the owner may read a key.
pub(super) fn warn_if_readable(key: &Path) {
    let mode = fs::metadata(key).map_or(0, |file| file.permissions().mode());
    if mode & 0o077 != 0 {
        let file = key.display();
        tracing::warn!("other users of this computer can read the key {file}: chmod 600 {file}");
    }
}

fn failed(action: &'static str, path: &Path, cause: io::Error) -> TlsError {
    TlsError::File { action, path: path.to_owned(), cause }
}
