//! Reading blocks back.

use futures_util::TryStreamExt;

use super::{JOURNAL, WINDOW};
use crate::domain::ids::StreamId;
use crate::domain::sample::{Batch, Column, Subject, TimeBase};
use crate::series::chunk::{Packing, View};
use crate::series::codec::{self, CODEC_ARCHIVED, CODEC_JOURNAL, CodecError, ColumnValues, Rows};
use crate::series::pyramid::Level;
use crate::series::window::Piece;
use crate::store::archiving::stub::Stub;
use crate::store::sql::on_read;
use crate::store::{Store, StoreError};

/// A block as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredBlock {
    /// Where it belongs.
    pub stream_id: i64,
    /// Boot of the device.
    pub boot: i64,
    /// Number of its first row.
    pub seq0: i64,
    /// How many rows.
    pub row_count: i64,
    /// Number of its last row, of a sealed chunk; the rows of a journal block follow each other.
    seq1: Option<i64>,
    /// Whether its times are known in UTC.
    pub dated: bool,
    /// What to add to the times inside to get UTC, µs.
    pub tick_offset_us: i64,
    /// Names of its columns.
    pub column_set_id: i64,
    codec: i64,
    crc: i64,
    content: Vec<u8>,
}

impl StoredBlock {
    /// One with nothing in it that can be read.
    #[cfg(test)]
    pub(super) fn of_size(seq0: i64, bytes: usize) -> Self {
        Self {
            stream_id: 1,
            boot: 1,
            seq0,
            row_count: 1,
            seq1: None,
            dated: true,
            tick_offset_us: 0,
            column_set_id: 1,
            codec: CODEC_JOURNAL,
            crc: 0,
            content: vec![0; bytes],
        }
    }

    /// Number of its last row.
    #[must_use]
    pub fn last_seq(&self) -> i64 {
        self.seq1.unwrap_or(self.seq0 + self.row_count - 1)
    }

    /// Bytes it takes in the database.
    pub(in crate::store) fn bytes(&self) -> usize {
        self.content.len()
    }

    /// The checksum stored beside it.
    pub(in crate::store) fn crc(&self) -> i64 {
        self.crc
    }

    /// The stream it belongs to.
    pub(in crate::store) fn stream(&self) -> StreamId {
        StreamId(self.stream_id)
    }

    /// Number of the codec of its bytes.
    pub(in crate::store) fn codec(&self) -> i64 {
        self.codec
    }

    /// Its bytes.
    pub(in crate::store) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Whether its rows are in the archive and were not fetched.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.codec == CODEC_ARCHIVED
    }

    /// Where its rows are, of a chunk in the archive.
    pub(in crate::store) fn stub(&self) -> Result<Option<Stub>, StoreError> {
        if !self.is_archived() {
            return Ok(None);
        }
        let found = codec::checksum(&self.content);
        if i64::from(found) != self.crc {
            return Err(self.unreadable("its place in the archive is damaged".to_owned()));
        }
        Stub::read(&self.content).map(Some).map_err(|error| self.unreadable(error.to_string()))
    }

    /// The same chunk with these bytes.
    pub(in crate::store) fn packed(self, packing: Packing, content: Vec<u8>) -> Self {
        Self { codec: packing.codec(), crc: i64::from(codec::checksum(&content)), content, ..self }
    }

    /// What is said when somebody changes it all the time.
    pub(in crate::store) fn changing(&self) -> StoreError {
        self.unreadable("it changes while it is read; try again".to_owned())
    }

    pub(in crate::store) fn unreadable(&self, reason: String) -> StoreError {
        let what = format!("block stream {} boot {} seq {}", self.stream_id, self.boot, self.seq0);
        StoreError::Unreadable { what, reason }
    }

    pub(in crate::store) fn rows(&self, column_count: usize) -> Result<Rows, StoreError> {
        let crc = u32::try_from(self.crc).map_err(|_| self.unreadable(format!("its checksum is {}", self.crc)))?;
        let rows = codec::decode(self.codec, crc, &self.content).map_err(|error| self.unreadable(error.to_string()))?;
        let expected = usize::try_from(self.row_count).unwrap_or(usize::MAX);
        if rows.times_us.len() == expected && rows.columns.len() == column_count {
            Ok(rows)
        } else {
            let found = (rows.times_us.len(), rows.columns.len());
            Err(self.unreadable(format!("it holds {found:?} rows and columns, not {:?}", (expected, column_count))))
        }
    }

    /// The rows as the device sent them, a batch for each range of numbers: times in the clock it used.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the block is damaged or from a newer version.
    pub fn batches(&self, subject: Subject, names: &[String]) -> Result<Vec<Batch>, StoreError> {
        let ranges = self.seq_ranges()?;
        let Rows { times_us, columns } = self.rows(names.len())?;
        let columns = names.iter().zip(columns).map(|(name, ColumnValues { values, nulls })| Column {
            name: name.clone(),
            values,
            nulls,
        });
        let whole = Batch {
            boot: u32::try_from(self.boot).map_err(|_| self.unreadable("its boot is out of range".to_owned()))?,
            seq: self.seq0,
            subject,
            base: if self.dated && self.tick_offset_us == 0 { TimeBase::Utc } else { TimeBase::Tick },
            times_us,
            columns: columns.collect(),
        };
        if ranges.len() == 1 {
            return Ok(vec![whole]);
        }
        let mut next = 0;
        let part = |(first, last): (i64, i64)| {
            let from = next;
            next += usize::try_from(last - first + 1).unwrap_or_default();
            Batch { seq: first, ..whole.slice(from, next) }
        };
        Ok(ranges.into_iter().map(part).collect())
    }

    /// The numbers of the rows, ascending, both ends included; together as many as there are rows.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the block is damaged.
    pub fn seq_ranges(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        if self.codec == CODEC_JOURNAL {
            return Ok(vec![(self.seq0, self.last_seq())]);
        }
        let ranges = match self.stub()? {
            Some(stub) => stub.seq,
            None => self.view()?.seq_ranges().map_err(|error| self.unreadable(error.to_string()))?,
        };
        let held: i64 = ranges.iter().map(|(first, last)| last - first + 1).sum();
        let is_right = held == self.row_count && ranges.first().is_some_and(|range| range.0 == self.seq0);
        if is_right { Ok(ranges) } else { Err(self.unreadable("its row numbers are not those of its key".to_owned())) }
    }

    /// The bytes of a sealed chunk or of a block of the pyramid, checked.
    pub(in crate::store) fn view(&self) -> Result<View<'_>, StoreError> {
        let crc = u32::try_from(self.crc).map_err(|_| self.unreadable(format!("its checksum is {}", self.crc)))?;
        View::open(self.codec, crc, &self.content).map_err(|error| self.unreadable(error.to_string()))
    }

    /// The buckets of a block of the pyramid, with the spans of the columns at these places.
    pub(in crate::store) fn level(&self, places: &[Option<usize>]) -> Result<Level, StoreError> {
        Level::read(&self.view()?, places).map_err(|error| self.unreadable(error.to_string()))
    }

    /// The buckets of a block of the pyramid as a chart takes them; `None` when not all lie within the window.
    pub(super) fn whole_level(
        &self,
        places: &[Option<usize>],
        from_us: i64,
        to_us: i64,
    ) -> Result<Option<Piece>, StoreError> {
        let rows = usize::try_from(self.row_count).unwrap_or_default();
        let piece = Level::whole_piece(&self.view()?, places, rows, self.tick_offset_us, (from_us, to_us));
        piece.map_err(|error| self.unreadable(error.to_string()))
    }

    /// The wanted columns, times in UTC. Of a sealed chunk nothing else is unpacked.
    pub(in crate::store) fn piece(&self, names: &[String], wanted: &[String]) -> Result<Piece, StoreError> {
        let place = |name: &String| names.iter().position(|known| known == name);
        let column = |name: &String, ColumnValues { values, nulls }| Column { name: name.clone(), values, nulls };
        let (mut times_us, columns): (Vec<i64>, Vec<Option<Column>>) = if self.codec == CODEC_JOURNAL {
            let Rows { times_us, mut columns } = self.rows(names.len())?;
            let pick = |name| Some(column(name, std::mem::take(columns.get_mut(place(name)?)?)));
            (times_us, wanted.iter().map(pick).collect())
        } else {
            let view = self.view()?;
            let unreadable = |error: CodecError| self.unreadable(error.to_string());
            let pick =
                |name| place(name).map(|index| view.column(index).map(|values| column(name, values))).transpose();
            let columns = wanted.iter().map(pick).collect::<Result<_, _>>().map_err(unreadable)?;
            (view.times_us().map_err(unreadable)?, columns)
        };
        for at_us in &mut times_us {
            *at_us = at_us.saturating_add(self.tick_offset_us);
        }
        Ok(Piece::of_rows(times_us, columns))
    }
}

impl Store {
    /// The wanted columns of every row of a stream in `from_us..=to_us`, and of some beside it.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a block is damaged; when the database fails.
    pub async fn window(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
    ) -> Result<Vec<Piece>, StoreError> {
        let mut pieces = self.journal_window(stream, wanted, from_us, to_us).await?;
        pieces.extend(self.chunk_window(stream, wanted, from_us, to_us).await?);
        Ok(pieces)
    }

    /// The same of what is not sealed yet.
    pub(super) async fn journal_window(
        &self,
        stream: StreamId,
        wanted: &[String],
        from_us: i64,
        to_us: i64,
    ) -> Result<Vec<Piece>, StoreError> {
        let journal: Option<(i64, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(JOURNAL.text(dialect)).bind(stream.0).fetch_optional(pool).await?
        });
        let Some((span_max_us, 1)) = journal else { return Ok(Vec::new()) };
        let mut pieces = Vec::new();
        let mut names: Option<(i64, Vec<String>)> = None;
        on_read!(&self.db, pool, dialect => {
            let mut blocks = sqlx::query_as::<_, StoredBlock>(WINDOW.text(dialect))
                .bind(stream.0)
                .bind(from_us.saturating_sub(span_max_us))
                .bind(to_us)
                .bind(from_us)
                .fetch(pool);
            while let Some(block) = blocks.try_next().await? {
                let set = match names.take() {
                    Some((id, set)) if id == block.column_set_id => set,
                    _ => self.column_sets([block.column_set_id]).await?.remove(&block.column_set_id).unwrap_or_default(),
                };
                pieces.push(block.piece(&set, wanted)?);
                names = Some((block.column_set_id, set));
            }
        });
        Ok(pieces)
    }
}
