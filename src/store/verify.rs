//! Whether everything stored of a stream is what was written, and the tiers agree.

use std::collections::HashMap;

use super::blocks::{LEVEL_1, LEVEL_2, LEVEL_CHUNKS, LEVEL_JOURNAL, StoredBlock};
use super::sql::{on_read, statements};
use super::{Store, StoreError};
use crate::domain::ids::{DeviceId, StreamId};
use crate::series::chunk::{Packing, Summary};
use crate::series::codec::{Rows, checksum};
use crate::series::pyramid::{LEVEL_1_ROWS, LEVEL_2_ROWS, Level};
use crate::series::ranges::RangeSet;

statements! {
    STREAMS = "
        SELECT stream_id, device_id
        FROM stream
        ORDER BY device_id, stream_id";
    PAGE = "
        SELECT
            stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content,
            at0_us, at1_us
        FROM block
        WHERE stream_id = ? AND level = ? AND (boot > ? OR (boot = ? AND seq0 > ?))
        ORDER BY boot, seq0
        LIMIT ?";
    SEALED_TOTAL = "
        SELECT row_total
        FROM stream_seal
        WHERE stream_id = ?";
}

/// Blocks read at once.
const PAGE_BLOCKS: i64 = 32;
/// Faults told of one stream: a disk that lost a sector damages few, one that lost itself damages all.
const FAULTS_MAX: usize = 50;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which block or stream.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What was looked at, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Blocks that were read.
    pub blocks: u64,
    /// Rows in them.
    pub rows: u64,
    /// Empty when all is well.
    pub faults: Vec<Fault>,
}

/// What the buckets of a chunk add up to, by level, boot and first row of the chunk.
type Gathered = HashMap<(i64, i64, i64), u32>;
/// The rows of a device's boot, and where those of them are that are sealed.
type Boots = HashMap<i64, (RangeSet, RangeSet)>;

#[derive(sqlx::FromRow)]
struct Placed {
    #[sqlx(flatten)]
    block: StoredBlock,
    at0_us: i64,
    at1_us: i64,
}

impl Store {
    /// Every stream, those of one device after each other.
    ///
    /// # Errors
    /// When the database fails or a device's id cannot be read.
    pub async fn all_streams(&self) -> Result<Vec<(StreamId, DeviceId)>, StoreError> {
        let rows: Vec<(i64, String)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(STREAMS.text(dialect)).fetch_all(pool).await?
        });
        rows.into_iter().map(|(id, device)| Ok((StreamId(id), super::devices::read_id(&device)?))).collect()
    }

    /// Reads everything stored by a device: checksums, times, row numbers, summaries, both levels of the pyramid, totals.
    /// Nobody may store or seal meanwhile: what changes between two looks seems a fault.
    ///
    /// # Errors
    /// When the database fails. What is damaged is a fault, not an error.
    pub async fn verify_device(&self, device: &DeviceId, streams: &[StreamId]) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let mut boots = Boots::new();
        for stream in streams {
            self.verify_stream(*stream, &mut boots, &mut verified).await?;
        }
        let mut group = self.begin_group().await?;
        for (boot, (_, sealed)) in boots {
            let of_boot = u32::try_from(boot).unwrap_or(u32::MAX);
            let known: RangeSet = group.sealed_rows(device, of_boot).await?.into_iter().collect();
            if known.ranges() != sealed.ranges() {
                verified.tell(format!("device {device} boot {boot}"), "its sealed rows are not those that are noted");
            }
        }
        Ok(verified)
    }

    async fn verify_stream(
        &self,
        stream: StreamId,
        boots: &mut Boots,
        verified: &mut Verified,
    ) -> Result<(), StoreError> {
        let mut gathered = Gathered::new();
        let (mut journal_rows, mut sealed_rows) = (0, 0);
        for level in [LEVEL_JOURNAL, LEVEL_1, LEVEL_2, LEVEL_CHUNKS] {
            let mut after = (-1, -1);
            loop {
                let page = self.verify_page(stream, level, after).await?;
                let Some(last) = page.last() else { break };
                after = (last.block.boot, last.block.seq0);
                for placed in &page {
                    verified.blocks += 1;
                    let block = &placed.block;
                    let place = || format!("stream {stream} level {level} boot {} seq {}", block.boot, block.seq0);
                    if level == LEVEL_1 || level == LEVEL_2 {
                        match all_buckets(block) {
                            Ok(buckets) => gather(&mut gathered, level, block.boot, &buckets),
                            Err(error) => verified.tell(place(), error.to_string()),
                        }
                        continue;
                    }
                    let names = self.column_sets([block.column_set_id]).await?.remove(&block.column_set_id);
                    let block = match self.body_of(block).await {
                        Ok(block) => block,
                        Err(error) => {
                            verified.tell(place(), error.to_string());
                            continue;
                        }
                    };
                    let rows = match block.rows(names.map_or(0, |names| names.len())) {
                        Ok(rows) => rows,
                        Err(error) => {
                            verified.tell(place(), error.to_string());
                            continue;
                        }
                    };
                    verified.rows += rows.times_us.len() as u64;
                    let count = rows.times_us.len() as u64;
                    let of_tier = if level == LEVEL_CHUNKS { &mut sealed_rows } else { &mut journal_rows };
                    *of_tier += count;
                    for reason in of_rows(placed, &rows, boots.entry(block.boot).or_default(), level == LEVEL_CHUNKS) {
                        verified.tell(place(), reason);
                    }
                    if level == LEVEL_CHUNKS {
                        for reason in of_pyramid(&block, &rows, &mut gathered) {
                            verified.tell(place(), reason);
                        }
                    }
                }
            }
        }
        let place = || format!("stream {stream}");
        if !gathered.is_empty() {
            verified.tell(place(), "its pyramid has buckets of chunks that are not there");
        }
        let noted: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(SEALED_TOTAL.text(dialect)).bind(stream.0).fetch_optional(pool).await?
        });
        if u64::try_from(noted.map_or(0, |(rows,)| rows)) != Ok(sealed_rows) {
            verified.tell(place(), "it does not have as many sealed rows as are noted");
        }
        let total = self.latest(stream).await?.map_or(0, |latest| latest.row_total);
        // Rows whose boot nobody has dated are not counted there.
        if u64::try_from(total).is_ok_and(|total| total > journal_rows + sealed_rows) {
            verified.tell(place(), format!("{total} rows were stored, {} are there", journal_rows + sealed_rows));
        }
        Ok(())
    }

    async fn verify_page(
        &self,
        stream: StreamId,
        level: i64,
        (boot, seq0): (i64, i64),
    ) -> Result<Vec<Placed>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            let page = sqlx::query_as(PAGE.text(dialect)).bind(stream.0).bind(level);
            page.bind(boot).bind(boot).bind(seq0).bind(PAGE_BLOCKS).fetch_all(pool).await?
        }))
    }
}

impl Verified {
    fn tell(&mut self, place: String, reason: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { place, reason: reason.into() });
        }
    }
}

/// What is wrong with a block of rows: its times, and the numbers of its rows, which no other block has.
fn of_rows(placed: &Placed, rows: &Rows, boot: &mut (RangeSet, RangeSet), is_sealed: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let block = &placed.block;
    let at = |at_us: Option<&i64>| at_us.map_or(0, |at_us| at_us.saturating_add(block.tick_offset_us));
    if (at(rows.times_us.iter().min()), at(rows.times_us.iter().max())) != (placed.at0_us, placed.at1_us) {
        faults.push("its times are not those of its rows".to_owned());
    }
    match block.seq_ranges() {
        Err(error) => faults.push(error.to_string()),
        Ok(ranges) => {
            for (first, last) in ranges {
                if boot.0.missing(first, last) != [(first, last)] {
                    faults.push(format!("rows {first} to {last} are stored twice"));
                }
                boot.0.insert(first, last);
                if is_sealed {
                    boot.1.insert(first, last);
                }
            }
        }
    }
    faults
}

fn all_buckets(block: &StoredBlock) -> Result<Level, StoreError> {
    let columns: Vec<Option<usize>> = (0..Level::column_count(&block.view()?)).map(Some).collect();
    block.level(&columns)
}

/// Notes what the buckets of a block add up to, chunk by chunk.
fn gather(gathered: &mut Gathered, level: i64, boot: i64, buckets: &Level) {
    let mut rest = 0..buckets.len();
    while let Some(seq0) = buckets.chunk_seq0.get(rest.start).filter(|_| !rest.is_empty()) {
        let end = buckets.chunk_seq0[rest.clone()].iter().position(|other| other != seq0);
        let of_chunk = rest.start..end.map_or(rest.end, |end| rest.start + end);
        rest.start = of_chunk.end;
        let before = gathered.insert((level, boot, *seq0), digest(&buckets.slice(of_chunk)));
        if before.is_some() {
            // Two parts of one chunk: neither is the whole.
            gathered.insert((level, boot, *seq0), 0);
        }
    }
}

/// The checksum of buckets, bit for bit.
fn digest(level: &Level) -> u32 {
    checksum(&level.pack(Packing::Zstd))
}

/// What is wrong with the pyramid over a chunk, and with what the chunk says of its columns.
fn of_pyramid(chunk: &StoredBlock, rows: &Rows, gathered: &mut Gathered) -> Vec<String> {
    let mut faults = Vec::new();
    for (level, bucket_rows) in [(LEVEL_1, LEVEL_1_ROWS), (LEVEL_2, LEVEL_2_ROWS)] {
        match gathered.remove(&(level, chunk.boot, chunk.seq0)) {
            None => faults.push(format!("it has no buckets of level {level}")),
            Some(found) if found != digest(&Level::of_chunk(rows, chunk.seq0, bucket_rows)) => {
                faults.push(format!("its buckets of level {level} are not those of its rows"));
            }
            Some(_) => {}
        }
    }
    let Ok(view) = chunk.view() else { return faults };
    for (place, column) in rows.columns.iter().enumerate() {
        let told = view.summary(place).map(|summary| format!("{summary:?}"));
        // As text: a NaN, the sum of opposite infinities, equals nothing.
        if told.ok() != Some(format!("{:?}", Summary::of(column))) {
            faults.push(format!("the summary of its column {place} is not that of its rows"));
        }
    }
    faults
}
