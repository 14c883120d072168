//! Archiving a part of a stream: as many chunks as one file holds.

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::stub::Stub;
use super::{
    BEGUN, CANDIDATES, CHUNK_BYTES_PER_FILE, CHUNKS_PER_FILE, HERE, OFFER_AGAIN, OFFERED, PAGE, REPLACE,
    ROW_BYTES_PER_FILE, SEALED_ROWS, STORED,
};
use crate::archive::object::{self, ChunkRows};
use crate::archive::{Archive, ArchiveError, ObjectRef};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::{ExperimentId, StreamId};
use crate::domain::measure;
use crate::domain::text::hexadecimal;
use crate::series::chunk::Packing;
use crate::series::codec::{CODEC_ARCHIVED, checksum};
use crate::store::blocks::StoredBlock;
use crate::store::experiments::Experiment;
use crate::store::failpoint;
use crate::store::group::on_group;
use crate::store::sql::{on_read, on_write};
use crate::store::{Group, Store, StoreError};

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartDone {
    /// Chunks that left the database; 0 when all are in the archive.
    pub chunks: usize,
    /// Rows in them.
    pub rows: i64,
    /// Bytes of the file.
    pub bytes: usize,
    /// Whether somebody changed a chunk meanwhile: nothing was done, and trying again may do it.
    pub is_disturbed: bool,
}

/// A chunk that is to leave.
struct Leaving {
    block: StoredBlock,
    packing: Packing,
    fingerprint: u32,
    seq: Vec<(i64, i64)>,
}

/// A file ready to be written.
struct Part {
    chunks: Vec<Leaving>,
    file: Bytes,
    sha256: [u8; 32],
    rows: i64,
}

impl Store {
    /// Experiments that ended before a moment and whose sealed rows have not all been offered to the archive, with the
    /// stream those are in: the oldest first, some.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn streams_to_archive(&self, ended_before_us: i64) -> Result<Vec<(ExperimentId, StreamId)>, StoreError> {
        let rows: Vec<(i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(CANDIDATES.text(dialect)).bind(ended_before_us).bind(PAGE).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(experiment, stream)| (ExperimentId(experiment), StreamId(stream))).collect())
    }

    /// Moves the next sealed chunks of a stream of an experiment to a file of the archive.
    ///
    /// # Errors
    /// [`StoreError::Archive`] when the file cannot be written or is not read back as it was written;
    /// [`StoreError::Conflict`] without an archive, or while the experiment is not over; when the database fails. The rows
    /// are in the database then.
    pub async fn archive_part(
        &self,
        by: &Actor,
        experiment: ExperimentId,
        stream: StreamId,
        now_us: i64,
    ) -> Result<PartDone, StoreError> {
        let archive = self.archive.clone().ok_or_else(|| {
            StoreError::Conflict("The settings name no archive. Set archive.to, and start again.".to_owned())
        })?;
        let missing = || StoreError::Missing { what: "such experiment", name: experiment.to_string() };
        let about = self.experiment(experiment).await?.ok_or_else(missing)?;
        if !about.state.is_over() {
            return Err(StoreError::Conflict(format!(
                "Experiment {experiment} is {}. Only what is over can be archived.",
                about.state.title().to_lowercase()
            )));
        }
        let sealed: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(SEALED_ROWS.text(dialect)).bind(stream.0).fetch_optional(pool).await?
        });
        let Some(part) = self.next_part(&about, stream).await? else {
            self.note_offered(stream, sealed.map_or(0, |(rows,)| rows)).await?;
            return Ok(PartDone::default());
        };
        // Nothing is noted in vain while the archive is away for days.
        archive.ping().await?;
        let id = self.begin_file(&archive, &part, experiment, stream, now_us).await?;
        let done = self.move_part(&archive, by, &about, &part, &id, now_us).await;
        if !matches!(done, Ok(true)) {
            // Nothing depends on the file. Should this fail too, the row stays, and with it the file is found later.
            if self.move_file(id.id, BEGUN, super::LEFT, now_us).await? {
                let _ = self.remove_left_file(&archive, id.id, &id.name).await;
            }
        }
        Ok(if done? {
            PartDone { chunks: part.chunks.len(), rows: part.rows, bytes: part.file.len(), is_disturbed: false }
        } else {
            PartDone { is_disturbed: true, ..PartDone::default() }
        })
    }

    /// Whether the chunks are in the file now; `false` when one of them changed meanwhile.
    async fn move_part(
        &self,
        archive: &Archive,
        by: &Actor,
        about: &Experiment,
        part: &Part,
        file: &ObjectRef,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        failpoint!("archive", "noted");
        archive.put(&file.name, part.file.clone()).await?;
        failpoint!("archive", "put");
        check(archive, file, part).await?;
        failpoint!("archive", "checked");
        let mut group = self.begin_group().await?;
        if !group.move_file(file.id, BEGUN, STORED, now_us).await? {
            return Ok(false);
        }
        for (place, chunk) in (0_u32..).zip(&part.chunks) {
            let (packing, seq) = (chunk.packing, chunk.seq.clone());
            let stub = Stub { packing, object: file.id, group: place, fingerprint: chunk.fingerprint, seq };
            if !group.replace_chunk(&chunk.block, CODEC_ARCHIVED, &stub.write()).await? {
                return Ok(false);
            }
        }
        let told = json!({
            "file": file.name, "place": archive.words(), "chunks": part.chunks.len(), "rows": part.rows,
            "bytes": part.file.len(), "sha256": hexadecimal(&part.sha256),
        });
        let change = Change::new("archive rows", format!("experiment {}", about.experiment)).to(told);
        group.audit(by, &change, now_us).await?;
        failpoint!("archive", "before-commit");
        group.commit().await?;
        failpoint!("archive", "after-commit");
        Ok(true)
    }

    /// The next chunks that fit into one file; they have the same columns. `None` when none is left.
    async fn next_part(&self, about: &Experiment, stream: StreamId) -> Result<Option<Part>, StoreError> {
        let here: Vec<(i64, i64, i64, i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(HERE.text(dialect)).bind(stream.0).bind(CHUNKS_PER_FILE).fetch_all(pool).await?
        });
        let Some((_, _, set, ..)) = here.first().copied() else { return Ok(None) };
        let names = self.column_sets([set]).await?.remove(&set).unwrap_or_default();
        // A row has its numbers, its time, and a value in each column.
        let row_bytes = 8 * (names.len() + 3);
        let (mut bytes, mut unpacked) = (0, 0);
        let mut blocks = Vec::new();
        for (boot, seq0, _, length, rows) in here.into_iter().filter(|(_, _, of, ..)| *of == set) {
            bytes += usize::try_from(length).unwrap_or_default();
            unpacked += usize::try_from(rows).unwrap_or_default() * row_bytes;
            if (bytes > CHUNK_BYTES_PER_FILE || unpacked > ROW_BYTES_PER_FILE) && !blocks.is_empty() {
                break;
            }
            // One that is gone was sealed anew with late rows: its successor comes another time.
            blocks.extend(self.chunk_row(stream, boot, seq0).await?.filter(|block| !block.is_archived()));
        }
        let facts = self.facts(about, stream, &names).await?;
        let made = tokio::task::spawn_blocking(move || make(blocks, &names, &facts)).await;
        let made = made.map_err(|error| StoreError::Unreadable {
            what: format!("stream {stream}"),
            reason: format!("archiving broke down: {error}"),
        })??;
        Ok((!made.chunks.is_empty()).then_some(made))
    }

    /// What whoever finds the file in ten years should know without this program.
    async fn facts(
        &self,
        about: &Experiment,
        stream: StreamId,
        names: &[String],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let given = self.station_measures(about.station).await?;
        let column = |name: &String| {
            let title = given.iter().find(|measure| measure.column == *name).map(|measure| measure.name.clone());
            json!({
                "name": name, "title": title.unwrap_or_else(|| measure::title(name)), "unit": measure::stored_unit(name),
            })
        };
        let written = object::own_and_measured(names);
        let experiment = json!({
            "experiment_id": about.experiment, "name": about.name, "description": about.description,
            "state": about.state.as_str(), "battery": about.battery_name, "technology": about.technology,
            "chemistry": about.chemistry, "station": about.station_name,
            "profile": about.profile_name, "started_at_us": about.started_at_us, "finished_at_us": about.finished_at_us,
            "stream_id": stream,
        });
        let columns: Vec<_> = names.iter().map(column).collect();
        let fact = |key: &str, value: String| (key.to_owned(), value);
        Ok(vec![
            fact("cellar.format", "archive 1".to_owned()),
            fact("cellar.experiment", experiment.to_string()),
            fact("cellar.columns", json!(columns).to_string()),
            fact("cellar.columns_in_file", json!(written).to_string()),
            fact(
                "cellar.about",
                "Rows of a battery experiment as they were measured. boot and seq number the rows of the device, time_utc \
                 is in microseconds; charge is positive; units end the names of columns, in SI."
                    .to_owned(),
            ),
        ])
    }

    async fn note_offered(&self, stream: StreamId, rows: i64) -> Result<(), StoreError> {
        on_write!(&self.db, pool, dialect => {
            sqlx::query(OFFERED.text(dialect)).bind(stream.0).bind(rows).execute(pool).await?;
        });
        Ok(())
    }
}

impl Group {
    /// Has the next look at a stream take nothing for done.
    pub(super) async fn offer_again(&mut self, stream: StreamId) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(OFFER_AGAIN.text(dialect)).bind(stream.0).execute(conn).await?;
        });
        Ok(())
    }

    /// Puts other bytes where those of a chunk are; `false` when they are no longer there.
    pub(super) async fn replace_chunk(
        &mut self,
        chunk: &StoredBlock,
        codec: i64,
        content: &[u8],
    ) -> Result<bool, StoreError> {
        let changed = on_group!(self, conn, dialect => {
            sqlx::query(REPLACE.text(dialect))
                .bind(codec)
                .bind(i64::from(checksum(content)))
                .bind(content)
                .bind(chunk.stream_id)
                .bind(chunk.boot)
                .bind(chunk.seq0)
                .bind(chunk.codec())
                .bind(chunk.crc())
                .execute(conn)
                .await?
                .rows_affected()
        });
        Ok(changed == 1)
    }
}

/// Unpacks chunks and writes their file, in memory.
fn make(blocks: Vec<StoredBlock>, names: &[String], facts: &[(String, String)]) -> Result<Part, StoreError> {
    let mut chunks = Vec::with_capacity(blocks.len());
    let mut all = Vec::with_capacity(blocks.len());
    for block in blocks {
        let packing = Packing::of_codec(block.codec());
        let packing = packing.ok_or_else(|| block.unreadable(format!("it has codec {}", block.codec())))?;
        let seq = block.seq_ranges()?;
        let rows = block.rows(names.len())?;
        let rows = ChunkRows { boot: block.boot, tick_offset_us: block.tick_offset_us, seq: seq.clone(), rows };
        chunks.push(Leaving { fingerprint: rows.fingerprint(), packing, seq, block });
        all.push(rows);
    }
    let file = object::write(names, facts, &all).map_err(|error| StoreError::Unreadable {
        what: "a part of an experiment".to_owned(),
        reason: format!("it cannot be written as Parquet: {error}"),
    })?;
    let rows = chunks.iter().map(|chunk| chunk.block.row_count).sum();
    Ok(Part { sha256: Sha256::digest(&file).into(), file: file.into(), chunks, rows })
}

/// Reads the file back and compares everything with what the database holds.
async fn check(archive: &Archive, file: &ObjectRef, part: &Part) -> Result<(), StoreError> {
    let found = archive.whole(file).await?;
    if Sha256::digest(&found)[..] != part.sha256 {
        let (name, place) = (file.name.clone(), archive.words().to_owned());
        let reason = "it was read back with other bytes than were written".to_owned();
        return Err(ArchiveError::Damaged { name, place, reason }.into());
    }
    for (place, chunk) in (0_u32..).zip(&part.chunks) {
        let stub = Stub {
            packing: chunk.packing,
            object: file.id,
            group: place,
            fingerprint: chunk.fingerprint,
            seq: chunk.seq.clone(),
        };
        let rows = archive.rows(file, stub.expected(chunk.block.boot, chunk.block.tick_offset_us)).await?;
        if rows.seq != chunk.seq {
            return Err(chunk.block.unreadable("its row numbers come back from the archive as others".to_owned()));
        }
    }
    Ok(())
}

impl Store {
    /// Notes a file that is going to be written.
    async fn begin_file(
        &self,
        archive: &Archive,
        part: &Part,
        experiment: ExperimentId,
        stream: StreamId,
        now_us: i64,
    ) -> Result<ObjectRef, StoreError> {
        let mut group = self.begin_group().await?;
        let counts = (part.chunks.len(), part.rows, part.file.len());
        let file = group.begin_file(archive.words(), experiment, stream, counts, &part.sha256, now_us).await?;
        group.commit().await?;
        Ok(file)
    }
}
