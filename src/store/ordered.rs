//! Every row about an experiment or battery in order of time, read block by block: memory stays the same however long it
//! is.
//!
//! Blocks are read in order of their earliest time. A block is opened when its first row comes up and closed after its
//! last, so only blocks whose times overlap are in memory together: those of several devices, or of boots whose clocks
//! disagreed. Rows of the same time stand in order of (stream, boot, seq). What nobody dated yet has no place in time and
//! is only counted.
//!
//! Journal and sealed chunks are read beside each other, each in its own order: one question for both would make the
//! database sort them. Journal blocks are sealed meanwhile. After each page of the journal, chunks that came up behind the
//! place where the reading of chunks stands are opened for the rows that were not read from the journal; what was read is
//! remembered by its numbers.

mod unpacked;

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::blocks::{LEVEL_CHUNKS, LEVEL_JOURNAL, StoredBlock, earliest};
use super::sql::{on_read, statements};
use super::{Store, StoreError};
use crate::domain::ids::StreamId;
use crate::domain::sample::Subject;
use crate::series::ranges::RangeSet;
use crate::series::window::Piece;
pub use unpacked::Unpacked;

statements! {
    COLUMN_SETS = "
        SELECT DISTINCT column_set_id
        FROM block
        WHERE stream_id = ? AND level IN (0, 3)
        ORDER BY column_set_id";
    UNDATED = "
        SELECT CAST(COALESCE(SUM(row_count), 0) AS SIGNED)
        FROM block
        WHERE stream_id = ? AND level = 0 AND dated = 0";
    BY_TIME = "
        SELECT
            stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content, at0_us
        FROM block
        WHERE
            stream_id = ? AND level = ? AND dated = 1 AND at0_us >= ?
            AND (at0_us > ? OR boot > ? OR (boot = ? AND seq0 > ?))
        ORDER BY at0_us, boot, seq0
        LIMIT ?";
    CHUNKS_BETWEEN = "
        SELECT boot, seq0, crc
        FROM block
        WHERE stream_id = ? AND level = 3 AND dated = 1
            AND at0_us >= ? - (SELECT chunk_span_us FROM stream_seal WHERE stream_id = ?)
            AND at0_us <= ? AND at1_us >= ?
        ORDER BY at0_us, boot, seq0";
}

/// Blocks asked for at first.
const PAGE_BLOCKS_FIRST: usize = 4;
/// Most blocks asked for at once.
const PAGE_BLOCKS_MAX: usize = 1_000;
/// Bytes of blocks a page should have: a round trip's worth, small against what one request may use.
const PAGE_BYTES: usize = 1024 * 1024;
/// Most blocks whose times overlap: a device that started so often without ever knowing the time needs a person.
const OPEN_BLOCKS_MAX: usize = 1_024;

/// Rows of one block that follow each other in time.
#[derive(Debug)]
pub struct OrderedRun<'a> {
    /// The block, which other threads may keep.
    pub block: &'a Arc<Unpacked>,
    /// The rows that are next.
    pub rows: Range<usize>,
}

/// Reads the rows of several streams in order of time.
#[derive(Debug)]
pub struct OrderedRows {
    store: Store,
    wanted: Vec<String>,
    sources: Vec<Source>,
    open: Vec<Open>,
    sets: HashMap<i64, Vec<String>>,
}

/// A stream: its journal and its chunks.
#[derive(Debug)]
struct Source {
    stream: StreamId,
    tiers: [Tier; 2],
    /// Numbers of the rows that were opened, by boot.
    taken: HashMap<i64, RangeSet>,
    /// Chunks that were read: boot, first row, checksum. One that is sealed anew has another checksum.
    seen: HashSet<(i64, i64, i64)>,
}

/// Places of the tiers in a [`Source`], in the order in which they are read: what is sealed between the two looks is then
/// seen twice and opened once.
const JOURNAL: usize = 0;
const CHUNKS: usize = 1;

/// Blocks of a tier that were read but not opened.
#[derive(Debug)]
struct Tier {
    level: i64,
    pending: VecDeque<Pending>,
    /// Earliest time, boot and first row of the last block that was read.
    after: Option<Key>,
    is_read: bool,
    page_blocks: usize,
}

impl Tier {
    fn new(level: i64) -> Self {
        Self { level, pending: VecDeque::new(), after: None, is_read: false, page_blocks: PAGE_BLOCKS_FIRST }
    }

    fn is_wanting(&self) -> bool {
        self.pending.is_empty() && !self.is_read
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Pending {
    #[sqlx(flatten)]
    block: StoredBlock,
    at0_us: i64,
    /// The wanted columns, while another thread unpacks them.
    #[sqlx(skip)]
    ahead: Option<JoinHandle<Option<Piece>>>,
}

/// Time, stream, boot and row: the order of rows.
type Key = (i64, i64, i64, i64);

impl Pending {
    fn key(&self) -> Key {
        (self.at0_us, self.block.stream_id, self.block.boot, self.block.seq0)
    }
}

/// A block whose rows are being read.
#[derive(Debug)]
struct Open {
    stream_id: i64,
    boot: i64,
    seq0: i64,
    next: usize,
    block: Arc<Unpacked>,
}

impl Open {
    fn key_of(&self, at_us: i64) -> Key {
        (at_us, self.stream_id, self.boot, self.seq0)
    }

    fn key(&self) -> Key {
        self.key_of(self.block.times_us.get(self.next).copied().unwrap_or(i64::MAX))
    }
}

impl OrderedRows {
    /// The next rows, at most `rows_max`; `None` after the last.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a block is damaged, or too many blocks overlap in time; when the database fails.
    pub async fn next(&mut self, rows_max: usize) -> Result<Option<OrderedRun<'_>>, StoreError> {
        self.open.retain(|open| open.next < open.block.times_us.len());
        for source in 0..self.sources.len() {
            self.read_pages(source).await?;
        }
        // Every block that begins before the earliest open row goes on is opened.
        loop {
            let earliest = self.open.iter().map(Open::key).min();
            let Some((source, tier)) = self.first_pending() else { break };
            let Some(pending) = self.sources[source].tiers[tier].pending.front() else { break };
            if earliest.is_some_and(|earliest| earliest <= pending.key()) {
                break;
            }
            let Some(pending) = self.sources[source].tiers[tier].pending.pop_front() else { break };
            let ahead = match pending.ahead {
                Some(ahead) => ahead.await.unwrap_or_default(),
                None => None,
            };
            let open = self.decode(source, &pending.block, ahead).await?;
            self.open.extend(open);
            if self.open.len() > OPEN_BLOCKS_MAX {
                return Err(StoreError::Unreadable {
                    what: format!("stream {}", pending.block.stream_id),
                    reason: format!("more than {OPEN_BLOCKS_MAX} of its blocks have the same times"),
                });
            }
            self.read_pages(source).await?;
        }
        self.unpack_ahead();
        let Some(first) = (0..self.open.len()).min_by_key(|at| self.open[*at].key()) else { return Ok(None) };
        let others = self.open.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, open)| open.key());
        let pending = self
            .first_pending()
            .and_then(|(source, tier)| Some(self.sources[source].tiers[tier].pending.front()?.key()));
        let limit = others.chain(pending).min();
        let open = &mut self.open[first];
        let from = open.next;
        let times_us = &open.block.times_us;
        let to = match limit {
            None => times_us.len(),
            Some(limit) => {
                from + times_us[from..].partition_point(|at_us| (*at_us, open.stream_id, open.boot, open.seq0) < limit)
            }
        };
        // The first row is before the limit by choice; should two blocks claim one key, it still goes on.
        open.next = to.clamp(from + 1, from.saturating_add(rows_max.max(1)));
        Ok(Some(OrderedRun { block: &open.block, rows: from..open.next }))
    }

    /// The source and the tier whose next block begins first.
    fn first_pending(&self) -> Option<(usize, usize)> {
        let of_source = |(source, one): (usize, &Source)| {
            let key = |tier: usize| Some((one.tiers[tier].pending.front()?.key(), source, tier));
            [JOURNAL, CHUNKS].into_iter().filter_map(key).min()
        };
        let first = self.sources.iter().enumerate().filter_map(of_source).min();
        first.map(|(_, source, tier)| (source, tier))
    }

    /// Lets another thread unpack the next chunk, while the rows before it are being written or counted.
    fn unpack_ahead(&mut self) {
        let Some((source, CHUNKS)) = self.first_pending() else { return };
        let Some(pending) = self.sources[source].tiers[CHUNKS].pending.front_mut() else { return };
        if let (None, Some(names)) = (&pending.ahead, self.sets.get(&pending.block.column_set_id)) {
            let (block, names, wanted) = (pending.block.clone(), names.clone(), self.wanted.clone());
            // One that cannot be read is tried again when its rows are wanted, and says then why.
            pending.ahead = Some(tokio::task::spawn_blocking(move || block.piece(&names, &wanted).ok()));
        }
    }

    /// The rows of a block that were not read before; `None` when all were.
    async fn decode(
        &mut self,
        source: usize,
        block: &StoredBlock,
        ahead: Option<Piece>,
    ) -> Result<Option<Open>, StoreError> {
        let taken = self.sources[source].taken.entry(block.boot).or_default();
        let mut place = 0_usize;
        let mut new: Vec<Range<usize>> = Vec::new();
        for (first, last) in block.seq_ranges()? {
            let at = |seq: i64| place + usize::try_from(seq - first).unwrap_or_default();
            new.extend(taken.missing(first, last).into_iter().map(|(from, to)| at(from)..at(to) + 1));
            place = at(last) + 1;
            taken.insert(first, last);
        }
        if new.is_empty() {
            return Ok(None);
        }
        let block = self.store.body_of(block).await?;
        let set = block.column_set_id;
        if !self.sets.contains_key(&set) {
            self.sets.extend(self.store.column_sets([set]).await?);
        }
        let names = self.sets.get(&set).map_or(&[][..], Vec::as_slice);
        let piece = match ahead {
            Some(piece) => piece,
            None => block.piece(names, &self.wanted)?,
        };
        let is_whole = new.iter().map(Range::len).sum::<usize>() == place;
        let unpacked = Arc::new(Unpacked::new(piece, (!is_whole).then_some(new)));
        let (stream_id, boot, seq0) = (block.stream_id, block.boot, block.seq0);
        Ok(Some(Open { stream_id, boot, seq0, next: 0, block: unpacked }))
    }

    async fn read_pages(&mut self, source: usize) -> Result<(), StoreError> {
        if self.sources[source].tiers[JOURNAL].is_wanting() {
            let from = self.sources[source].tiers[JOURNAL].after;
            self.read_page(source, JOURNAL).await?;
            self.read_sealed_meanwhile(source, from).await?;
        }
        if self.sources[source].tiers[CHUNKS].is_wanting() {
            self.read_page(source, CHUNKS).await?;
            let Source { tiers, seen, .. } = &mut self.sources[source];
            let blocks = tiers[CHUNKS].pending.iter().map(|pending| &pending.block);
            seen.extend(blocks.map(|block| (block.boot, block.seq0, block.crc())));
        }
        Ok(())
    }

    async fn read_page(&mut self, source: usize, tier: usize) -> Result<(), StoreError> {
        let stream = self.sources[source].stream;
        let tier = &mut self.sources[source].tiers[tier];
        let limit = i64::try_from(tier.page_blocks).unwrap_or(i64::MAX);
        let (at0_us, _, boot, seq0) = tier.after.unwrap_or((i64::MIN, 0, -1, -1));
        let blocks: Vec<Pending> = on_read!(&self.store.db, pool, dialect => {
            sqlx::query_as(BY_TIME.text(dialect))
                .bind(stream.0)
                .bind(tier.level)
                .bind(at0_us)
                .bind(at0_us)
                .bind(boot)
                .bind(boot)
                .bind(seq0)
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        tier.is_read = blocks.len() < tier.page_blocks;
        if let Some(last) = blocks.last() {
            tier.after = Some(last.key());
            let bytes: usize = blocks.iter().map(|pending| pending.block.bytes()).sum();
            tier.page_blocks = (PAGE_BYTES / (bytes / blocks.len()).max(1)).clamp(1, PAGE_BLOCKS_MAX);
        }
        tier.pending.extend(blocks);
        Ok(())
    }

    /// Opens chunks that were made, behind the place where the reading of chunks stands, of rows that the journal no longer
    /// had when its last page was read. `from` is where that page began.
    async fn read_sealed_meanwhile(&mut self, source: usize, from: Option<Key>) -> Result<(), StoreError> {
        let (stream, chunks) = (self.sources[source].stream, &mut self.sources[source].tiers[CHUNKS]);
        // What was made further on is read in its turn.
        chunks.is_read = false;
        let Some((until_us, ..)) = chunks.after else { return Ok(()) };
        let from_us = earliest(from.map_or(i64::MIN, |(at0_us, ..)| at0_us));
        loop {
            let keys: Vec<(i64, i64, i64)> = on_read!(&self.store.db, pool, dialect => {
                let chunks = sqlx::query_as(CHUNKS_BETWEEN.text(dialect)).bind(stream.0).bind(from_us).bind(stream.0);
                chunks.bind(until_us).bind(from_us).fetch_all(pool).await?
            });
            let Some(key) = keys.into_iter().find(|key| !self.sources[source].seen.contains(key)) else {
                return Ok(());
            };
            // One that is gone again was sealed anew: it is there with another checksum.
            let Some(chunk) = self.store.chunk(stream, key.0, key.1).await? else { continue };
            self.sources[source].seen.insert((chunk.boot, chunk.seq0, chunk.crc()));
            let open = self.decode(source, &chunk, None).await?;
            self.open.extend(open);
        }
    }
}

impl Store {
    /// The rows about an experiment or battery in order of time, with these columns.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ordered_rows(&self, subject: Subject, wanted: Vec<String>) -> Result<OrderedRows, StoreError> {
        let source = |stream| Source {
            stream,
            tiers: [Tier::new(LEVEL_JOURNAL), Tier::new(LEVEL_CHUNKS)],
            taken: HashMap::new(),
            seen: HashSet::new(),
        };
        let sources = self.subject_streams(subject).await?.into_iter().map(source).collect();
        Ok(OrderedRows { store: self.clone(), wanted, sources, open: Vec::new(), sets: HashMap::new() })
    }

    /// The names of all columns measured about an experiment or battery, in the order in which they came up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subject_columns(&self, subject: Subject) -> Result<Vec<String>, StoreError> {
        let mut names: Vec<String> = Vec::new();
        for stream in self.subject_streams(subject).await? {
            let sets: Vec<(i64,)> = on_read!(&self.db, pool, dialect => {
                sqlx::query_as(COLUMN_SETS.text(dialect)).bind(stream.0).fetch_all(pool).await?
            });
            let mut known = self.column_sets(sets.iter().map(|(id,)| *id)).await?;
            for (id,) in sets {
                let new: Vec<String> = known.remove(&id).unwrap_or_default();
                names.extend(new.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
            }
        }
        Ok(names)
    }

    /// How many rows about an experiment or battery have no place in time yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn undated_rows(&self, subject: Subject) -> Result<i64, StoreError> {
        let mut rows = 0;
        for stream in self.subject_streams(subject).await? {
            let (count,): (i64,) = on_read!(&self.db, pool, dialect => {
                sqlx::query_as(UNDATED.text(dialect)).bind(stream.0).fetch_one(pool).await?
            });
            rows += count;
        }
        Ok(rows)
    }
}
