//! Who this server is among those that share a database.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::domain::text::hexadecimal;

/// The file in the data folder that holds it.
const FILE: &str = "server-id";
/// Bytes of randomness in an id: no two servers draw the same one.
const RANDOM_BYTES: usize = 12;

/// The id of a server. While one with a file lives, nobody else has its id.
#[derive(Debug)]
pub struct ServerId {
    id: String,
    /// Locked; the system unlocks it when the process ends, however it ends.
    file: Option<File>,
}

impl ServerId {
    /// The id kept in a data folder, so that a server that was killed is known when it is back. Where the folder cannot be
    /// written, or another process uses it, an id for this process alone.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        Self::kept_in(folder).unwrap_or_else(|error| {
            tracing::debug!(%error, "this process draws an id of its own");
            Self { id: draw(), file: None }
        })
    }

    fn kept_in(folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock()?;
        let mut id = String::new();
        file.read_to_string(&mut id)?;
        if !is_id(&id) {
            id = draw();
            file.seek(SeekFrom::Start(0))?;
            file.set_len(0)?;
            file.write_all(id.as_bytes())?;
            file.sync_all()?;
        }
        Ok(Self { id, file: Some(file) })
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// Whether nobody else alive has it.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 2 * RANDOM_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn draw() -> String {
    let mut bytes = [0; RANDOM_BYTES];
    // Without the system's randomness nothing else works either; an id need not be secret.
    if getrandom::fill(&mut bytes).is_err() {
        fastrand::fill(&mut bytes);
    }
    hexadecimal(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_its_id_and_a_second_one_on_the_same_folder_gets_another() {
        let folder = tempfile::tempdir().unwrap();
        let first = ServerId::of_folder(folder.path());
        let second = ServerId::of_folder(folder.path());
        assert!(first.is_kept() && !second.is_kept());
        assert_ne!(first.as_str(), second.as_str());
        let id = first.as_str().to_owned();
        drop(first);
        assert_eq!(ServerId::of_folder(folder.path()).as_str(), id);
        std::fs::write(folder.path().join(FILE), "half of").unwrap();
        let repaired = ServerId::of_folder(folder.path());
        assert!(repaired.is_kept() && is_id(repaired.as_str()));
    }
}
