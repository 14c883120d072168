//! The archive: files outside of the database that hold the rows of finished experiments.
//!
//! What is in which file, and that it may leave the database, is decided in the store. Here files are written so that a
//! crash leaves either the whole file or none under its name, and groups of their rows are read back and checked.

mod bucket;
mod cache;
mod folder;
pub mod object;
mod sign;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use self::bucket::Bucket;
use self::cache::Cache;
use self::folder::Folder;
use self::object::ChunkRows;
use crate::clock::Clock;
use crate::config::{self, ArchivePlace};
use crate::series::chunk::{Packing, pack};

/// Bytes of unpacked chunks that are kept, so that paging to and fro does not read them anew: some hundred chunks.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Directories of files that are kept: each takes about as many bytes as it has chunks times columns times a hundred.
const FOOTERS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What is written to see whether anything can be.
const PING: &str = "ping";
/// Bytes read from the end of a file to see that it is there.
const LOOK_BYTES: u64 = 8;
/// Bytes read from the end of a file to find its directory: most are shorter.
const FOOTER_GUESS_BYTES: u64 = 64 * 1024;

/// What is wrong with a file of the archive, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is not there.
    #[error("the file {name} is missing in the archive {place}; put it back there, from a backup if need be")]
    Missing {
        /// The file.
        name: String,
        /// The archive.
        place: String,
    },
    /// It is not what was written.
    #[error("the file {name} in the archive {place} is damaged ({reason}); put it back from a backup")]
    Damaged {
        /// The file.
        name: String,
        /// The archive.
        place: String,
        /// What does not fit.
        reason: String,
    },
    /// The archive does not answer, or refuses.
    #[error("the archive {place} cannot be used for the file {name}: {reason}")]
    Away {
        /// The file.
        name: String,
        /// The archive.
        place: String,
        /// What the system or the store says.
        reason: String,
    },
    /// The settings name none.
    #[error("the file {name} is in the archive {place}, but the settings name none; set archive.to, and start again")]
    Off {
        /// The file.
        name: String,
        /// Where it was put.
        place: String,
    },
}

/// A place for files, as the settings name it. Cheap to clone.
#[derive(Clone)]
pub struct Archive {
    inner: Arc<Inner>,
}

struct Inner {
    place: Place,
    words: String,
    // By name: a number may be given out anew, a name has the checksum of the file in it.
    footers: Mutex<Cache<String, ParquetMetaData>>,
    bodies: Mutex<Cache<(String, u32), Vec<u8>>>,
}

enum Place {
    Folder(Folder),
    Bucket(Box<Bucket>),
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// Its number in the database.
    pub id: i64,
    /// Its name, below the place of the archive: `/` stands between folders.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// What a chunk has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Group of rows in the file.
    pub group: u32,
    /// Boot of the device.
    pub boot: i64,
    /// What to add to the times to get UTC, µs.
    pub tick_offset_us: i64,
    /// [`ChunkRows::fingerprint`] of its rows.
    pub fingerprint: u32,
    /// How it was packed.
    pub packing: Packing,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Archive").field(&self.inner.words).finish()
    }
}

impl Archive {
    /// The archive of the settings; `None` when they name none.
    ///
    /// # Errors
    /// When the key of an S3 store cannot be read, or its address makes no sense.
    pub fn of(settings: &config::Archive, clock: Clock) -> std::io::Result<Option<Self>> {
        let place = match settings.place() {
            None => return Ok(None),
            Some(ArchivePlace::Folder(folder)) => Place::Folder(Folder::new(folder)),
            Some(ArchivePlace::Bucket { bucket, prefix }) => {
                Place::Bucket(Box::new(Bucket::new(settings, bucket, prefix, clock)?))
            }
        };
        let (footers, bodies) = (Cache::new(FOOTERS_BYTES_MAX), Cache::new(KEPT_BYTES_MAX));
        let (footers, bodies) = (Mutex::new(footers), Mutex::new(bodies));
        Ok(Some(Self { inner: Arc::new(Inner { place, words: settings.to.clone(), footers, bodies }) }))
    }

    /// The place in words: a folder, or `s3://bucket/prefix`.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.inner.words
    }

    /// Stores a file under a name that was never used: the whole of it, for good, or nothing.
    ///
    /// # Errors
    /// [`ArchiveError::Away`].
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        match &self.inner.place {
            Place::Folder(folder) => {
                let (folder, file) = (folder.clone(), name.to_owned());
                self.waiting(name, move || folder.put(&file, &bytes)).await
            }
            Place::Bucket(bucket) => {
                let (bucket, file) = (bucket.clone(), name.to_owned());
                self.waiting(name, move || bucket.put(&file, &bytes)).await
            }
        }
    }

    /// Removes a file and what an interrupted [`Archive::put`] of it left; it may be gone already.
    ///
    /// # Errors
    /// [`ArchiveError::Away`].
    pub async fn remove(&self, name: &str) -> Result<(), ArchiveError> {
        match &self.inner.place {
            Place::Folder(folder) => {
                let (folder, file) = (folder.clone(), name.to_owned());
                self.waiting(name, move || folder.remove(&file)).await
            }
            Place::Bucket(bucket) => {
                let (bucket, file) = (bucket.clone(), name.to_owned());
                self.waiting(name, move || bucket.remove(&file)).await
            }
        }
    }

    /// Whether files can be written and removed.
    ///
    /// # Errors
    /// [`ArchiveError::Away`] says why not.
    pub async fn ping(&self) -> Result<(), ArchiveError> {
        self.put(PING, Bytes::from_static(b"cellar")).await?;
        self.remove(PING).await
    }

    /// The whole file, read from the place itself.
    ///
    /// # Errors
    /// [`ArchiveError`] names the file and the remedy.
    pub async fn whole(&self, object: &ObjectRef) -> Result<Bytes, ArchiveError> {
        self.read(object, 0, object.bytes).await
    }

    /// Whether a file is there and ends as it should, asked of the place itself.
    ///
    /// # Errors
    /// [`ArchiveError`] names the file and the remedy.
    pub async fn look(&self, object: &ObjectRef) -> Result<(), ArchiveError> {
        let length = object.bytes.min(LOOK_BYTES);
        let end = self.read(object, object.bytes - length, length).await?;
        object::footer_bytes(&end).map(drop).map_err(|error| self.damaged(object, &error))
    }

    /// A chunk as it was packed in the database, out of memory or out of its file; checked to the bit.
    ///
    /// # Errors
    /// [`ArchiveError`] names the file and the remedy.
    pub async fn body(&self, object: &ObjectRef, expected: Expected) -> Result<Arc<Vec<u8>>, ArchiveError> {
        let key = (object.name.clone(), expected.group);
        if let Some(kept) = self.bodies().get(&key) {
            return Ok(kept);
        }
        let rows = self.rows(object, expected).await?;
        let packed = move || {
            let ChunkRows { seq, rows, .. } = rows;
            pack(expected.packing, &seq, &rows.times_us, &rows.columns)
        };
        let body = Arc::new(self.unpacked(object, packed).await?);
        self.bodies().insert(key, Arc::clone(&body), body.len());
        Ok(body)
    }

    /// The rows of a chunk, out of its file; checked to the bit.
    ///
    /// # Errors
    /// [`ArchiveError`] names the file and the remedy.
    pub async fn rows(&self, object: &ObjectRef, expected: Expected) -> Result<ChunkRows, ArchiveError> {
        let footer = self.footer(object).await?;
        let group = expected.group as usize;
        let range = object::group_range(&footer, group).map_err(|error| self.damaged(object, &error))?;
        if range.end > object.bytes {
            return Err(self.damaged(object, &"a group of rows ends after its end"));
        }
        let bytes = self.read(object, range.start, range.end - range.start).await?;
        let read = move || object::read_group(&footer, group, bytes, expected.tick_offset_us);
        let rows = self.unpacked(object, read).await?.map_err(|error| self.damaged(object, &error))?;
        if rows.boot != expected.boot || rows.fingerprint() != expected.fingerprint {
            return Err(self.damaged(object, &format!("group of rows {group} has other rows than were put there")));
        }
        Ok(rows)
    }

    async fn footer(&self, object: &ObjectRef) -> Result<Arc<ParquetMetaData>, ArchiveError> {
        if let Some(kept) = self.inner.footers.lock().unwrap_or_else(PoisonError::into_inner).get(&object.name) {
            return Ok(kept);
        }
        let guess = object.bytes.min(FOOTER_GUESS_BYTES);
        let mut end = self.read(object, object.bytes - guess, guess).await?;
        let length = object::footer_bytes(&end).map_err(|error| self.damaged(object, &error))? as u64;
        if length > object.bytes {
            return Err(self.damaged(object, &"its directory is longer than itself"));
        }
        if length > guess {
            end = self.read(object, object.bytes - length, length).await?;
        }
        let footer = self.unpacked(object, move || object::footer(&end)).await?;
        let footer = Arc::new(footer.map_err(|error: ParquetError| self.damaged(object, &error))?);
        let mut footers = self.inner.footers.lock().unwrap_or_else(PoisonError::into_inner);
        footers.insert(object.name.clone(), Arc::clone(&footer), footer.memory_size());
        Ok(footer)
    }

    async fn read(&self, object: &ObjectRef, from: u64, length: u64) -> Result<Bytes, ArchiveError> {
        let bytes = match &self.inner.place {
            Place::Folder(folder) => {
                let (folder, file) = (folder.clone(), object.name.clone());
                self.waiting(&object.name, move || folder.read(&file, from, length)).await?
            }
            Place::Bucket(bucket) => {
                let (bucket, file) = (bucket.clone(), object.name.clone());
                self.waiting(&object.name, move || bucket.read(&file, from, length)).await?
            }
        };
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(self.damaged(object, &"it is shorter than it was")) }
    }

    fn bodies(&self) -> std::sync::MutexGuard<'_, Cache<(String, u32), Vec<u8>>> {
        self.inner.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a thread that may wait for a disk or a store.
    async fn waiting<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(|error| self.failed(name, &error))
    }

    fn failed(&self, name: &str, error: &std::io::Error) -> ArchiveError {
        let (name, place) = (name.to_owned(), self.inner.words.clone());
        match error.kind() {
            std::io::ErrorKind::NotFound => ArchiveError::Missing { name, place },
            _ => ArchiveError::Away { name, place, reason: error.to_string() },
        }
    }

    /// Unpacks on a thread where that may take its time, and where a library that panics over damaged bytes harms nobody.
    async fn unpacked<T: Send + 'static>(
        &self,
        object: &ObjectRef,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ArchiveError> {
        tokio::task::spawn_blocking(work).await.map_err(|error| self.damaged(object, &error))
    }

    fn damaged(&self, object: &ObjectRef, reason: &dyn std::fmt::Display) -> ArchiveError {
        let (name, place) = (object.name.clone(), self.inner.words.clone());
        ArchiveError::Damaged { name, place, reason: reason.to_string() }
    }
}
