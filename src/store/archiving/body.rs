//! The body of a chunk: from its row, or from the archive. Everything that opens a chunk comes by here.

use std::borrow::Cow;

use super::FILE;
use crate::archive::{Archive, ArchiveError, ObjectRef};
use crate::store::blocks::StoredBlock;
use crate::store::group::on_group;
use crate::store::sql::on_read;
use crate::store::{Group, Store, StoreError};

/// How often a chunk is looked up anew that came back, or was sealed anew, while its file was read.
const TRIES_MAX: usize = 3;
/// How long the writer of readings waits for the archive, to compare rows that come again with those that are there.
const COMPARE_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Name, length and place of a file.
type File = (String, i64, String);

impl Store {
    /// The same store with an archive beside it.
    #[must_use]
    pub fn with_archive(mut self, archive: Option<Archive>) -> Self {
        self.archive = archive;
        self
    }

    /// The archive of the settings.
    #[must_use]
    pub fn archive(&self) -> Option<&Archive> {
        self.archive.as_ref()
    }

    /// Chunks with their bytes, wherever those are.
    pub(in crate::store) async fn with_bodies(&self, chunks: Vec<StoredBlock>) -> Result<Vec<StoredBlock>, StoreError> {
        let mut whole = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            whole.push(self.with_body(chunk).await?);
        }
        Ok(whole)
    }

    /// A block with its bytes, wherever those are.
    pub(in crate::store) async fn body_of<'a>(
        &self,
        block: &'a StoredBlock,
    ) -> Result<Cow<'a, StoredBlock>, StoreError> {
        if block.is_archived() { self.with_body(block.clone()).await.map(Cow::Owned) } else { Ok(Cow::Borrowed(block)) }
    }

    /// A chunk with its bytes, wherever those are.
    pub(in crate::store) async fn with_body(&self, mut chunk: StoredBlock) -> Result<StoredBlock, StoreError> {
        for _ in 0..TRIES_MAX {
            let Some(stub) = chunk.stub()? else { return Ok(chunk) };
            let file: Option<File> = on_read!(&self.db, pool, dialect => {
                sqlx::query_as(FILE.text(dialect)).bind(stub.object).fetch_optional(pool).await?
            });
            let error = match body(self.archive.as_ref(), &chunk, file).await {
                Ok(whole) => return Ok(whole),
                Err(error) => error,
            };
            // It may be back, or sealed anew with late rows, and its file gone.
            match self.chunk_row(chunk.stream(), chunk.boot, chunk.seq0).await? {
                Some(now) if now != chunk => chunk = now,
                _ => return Err(error),
            }
        }
        Err(chunk.changing())
    }
}

impl Group {
    /// A chunk with its bytes, if they can be had in a moment; otherwise as it is.
    pub(in crate::store) async fn with_body_soon(&mut self, chunk: StoredBlock) -> Result<StoredBlock, StoreError> {
        let Some(stub) = chunk.stub()? else { return Ok(chunk) };
        let file: Option<File> = on_group!(self, conn, dialect => {
            sqlx::query_as(FILE.text(dialect)).bind(stub.object).fetch_optional(conn).await?
        });
        match tokio::time::timeout(COMPARE_WAIT, body(self.archive.as_ref(), &chunk, file)).await {
            Ok(Ok(whole)) => Ok(whole),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "rows that came again cannot be compared");
                Ok(chunk)
            }
            Err(_) => Ok(chunk),
        }
    }
}

async fn body(archive: Option<&Archive>, chunk: &StoredBlock, file: Option<File>) -> Result<StoredBlock, StoreError> {
    let Some(stub) = chunk.stub()? else { return Ok(chunk.clone()) };
    let Some((name, bytes, place)) = file else {
        let reason = format!("it is in file {} of the archive, of which nothing is known", stub.object);
        return Err(chunk.unreadable(reason));
    };
    let archive = archive.ok_or_else(|| ArchiveError::Off { name: name.clone(), place })?;
    let object = ObjectRef { id: stub.object, name, bytes: u64::try_from(bytes).unwrap_or_default() };
    let body = archive.body(&object, stub.expected(chunk.boot, chunk.tick_offset_us)).await?;
    Ok(chunk.clone().packed(stub.packing, body.as_ref().clone()))
}
