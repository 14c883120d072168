//! An archive in a folder: a disk, or a share of another computer.

use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// What a file is called while it is written.
const UNFINISHED: &str = "tmp";

/// Files below a folder. The folder itself is never made: where it is missing, a disk is not mounted.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Writes under another name first: after a crash there is the whole file or none.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.check_root()?;
        let path = self.path(name)?;
        let unfinished = unfinished(&path);
        let parent = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent)?;
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&unfinished, &path)?;
        // The new names themselves, up to the folder that was there before.
        let mut folder = Some(parent);
        while let Some(made) = folder.filter(|made| made.starts_with(&self.root)) {
            File::open(made)?.sync_all()?;
            folder = made.parent();
        }
        Ok(())
    }

    /// At most `length` bytes from a place on.
    pub(super) fn read(&self, name: &str, from: u64, length: u64) -> Result<Bytes> {
        let mut file = match File::open(self.path(name)?) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.check_root()?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        self.check_root()?;
        let path = self.path(name)?;
        for file in [unfinished(&path), path] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn check_root(&self) -> Result<()> {
        if self.root.is_dir() {
            return Ok(());
        }
        // Not `NotFound`, which is said of a file.
        Err(Error::new(ErrorKind::NotConnected, "there is no such folder; mount it, or make it if it is new"))
    }

    /// Names come from the database; none may lead elsewhere.
    fn path(&self, name: &str) -> Result<PathBuf> {
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
        if name.split('/').all(is_plain) {
            Ok(self.root.join(name))
        } else {
            Err(Error::new(ErrorKind::InvalidInput, "this is no name of a file of the archive"))
        }
    }
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension(UNFINISHED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there_and_its_leftovers_go_with_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        folder.put("experiment-1/a.parquet", b"0123456789").unwrap();
        assert_eq!(&folder.read("experiment-1/a.parquet", 2, 3).unwrap()[..], b"234");
        assert_eq!(&folder.read("experiment-1/a.parquet", 8, 9).unwrap()[..], b"89");
        let left = root.path().join("experiment-1/a.parquet.tmp");
        std::fs::write(&left, b"half").unwrap();
        folder.remove("experiment-1/a.parquet").unwrap();
        assert!(!left.exists());
        assert_eq!(folder.read("experiment-1/a.parquet", 0, 1).unwrap_err().kind(), ErrorKind::NotFound);
        folder.remove("experiment-1/a.parquet").unwrap();
    }

    #[test]
    fn a_folder_that_is_not_mounted_is_not_made_and_no_name_leads_out_of_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(&root.path().join("share"));
        for done in [folder.put("a", b"x"), folder.remove("a"), folder.read("a", 0, 1).map(drop)] {
            assert!(done.unwrap_err().to_string().contains("mount it"));
        }
        assert!(!root.path().join("share").exists());
        let folder = Folder::new(root.path());
        for name in ["../a", "a/../../b", "", "/etc/passwd", "a//b"] {
            assert!(folder.put(name, b"x").is_err(), "{name}");
        }
    }
}
