//! Files of several experiments as one zip, a piece at a time.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike, Local, Timelike, Utc};
use sha2::{Digest, Sha256};

use super::export::{ExportError, TableExport};
use super::format::Format;
use super::report::report;
use super::{name, ro_crate};
use crate::domain::text::hexadecimal;
use crate::report::csv::Dialect;
use crate::report::experiment::file_name;
use crate::report::zip::Zip;
use crate::store::Store;
use crate::store::experiments::Experiment;

/// A piece is handed on as soon as it has so many bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// What a zip has of each experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Its samples as a table; [`Format::RoCrate`] stands for all of it, with metadata and hashes.
    Table(Format),
    /// Its report.
    Report,
}

/// A file in the zip: what the metadata say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Its name in the zip.
    pub(super) name: String,
    /// Place of its experiment among those of the zip.
    pub(super) experiment: usize,
    /// What it is.
    pub(super) part: Part,
    /// How many bytes.
    pub(super) bytes: u64,
    /// SHA-256 in hexadecimal.
    pub(super) sha256: String,
}

/// A kind of file in the zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Table(Format),
    Report,
    BattInfo,
}

/// Writes a zip. Packing keeps a processor busy: not for a thread that answers requests.
#[derive(Debug)]
pub struct Bundle {
    store: Store,
    experiments: Vec<Experiment>,
    now_us: i64,
    zip: Option<Zip>,
    rest: VecDeque<(usize, Part)>,
    open: Option<TableExport>,
    present: Option<(Written, Sha256)>,
    written: Vec<Written>,
    is_crate: bool,
    row_count: u64,
}

impl Bundle {
    /// Makes ready a zip of these experiments.
    #[must_use]
    pub fn new(store: &Store, experiments: Vec<Experiment>, content: Content, now_us: i64) -> Self {
        let parts = match content {
            Content::Report => vec![Part::Report],
            Content::Table(Format::RoCrate) => vec![
                Part::Table(Format::Csv(Dialect::Cellar)),
                Part::Table(Format::Parquet(Dialect::BdfMachine)),
                Part::Report,
                Part::BattInfo,
            ],
            Content::Table(format) => vec![Part::Table(format)],
        };
        let rest = (0..experiments.len()).flat_map(|place| parts.iter().map(move |part| (place, *part))).collect();
        Self {
            store: store.clone(),
            experiments,
            now_us,
            zip: Some(Zip::new(stamp(now_us))),
            rest,
            open: None,
            present: None,
            written: Vec::new(),
            is_crate: content == Content::Table(Format::RoCrate),
            row_count: 0,
        }
    }

    /// The next piece of the zip; `None` after the last.
    ///
    /// # Errors
    /// When the database fails or holds a damaged block, when the zip gets too large.
    pub async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        let mut out = Vec::new();
        while out.len() < PIECE_BYTES && self.zip.is_some() {
            if let Some(export) = &mut self.open {
                let before = export.row_count();
                let piece = export.next_piece().await?;
                self.row_count += export.row_count() - before;
                match piece {
                    Some(piece) => self.write(&piece, &mut out)?,
                    None => self.end(),
                }
                continue;
            }
            match self.rest.pop_front() {
                Some((place, part)) => self.begin(place, part, &mut out).await?,
                None => self.finish(&mut out)?,
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }

    /// Samples written so far.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.row_count
    }

    async fn begin(&mut self, place: usize, part: Part, out: &mut Vec<u8>) -> Result<(), ExportError> {
        let Some(experiment) = self.experiments.get(place) else { return Ok(()) };
        let (id, title) = (experiment.experiment.0, experiment.name.as_str());
        let (store, experiment) = (&self.store, experiment.clone());
        let name = match part {
            Part::Table(format) => name::of_experiment(id, title, format.ending()),
            Part::Report => file_name(id, title, &experiment.battery_name, name::part),
            Part::BattInfo => name::of_experiment(id, title, ".battinfo.json"),
        };
        let whole = match part {
            Part::Table(format) => {
                self.open = TableExport::of(store, &experiment, format).await?;
                None
            }
            Part::Report => Some(report(store, &experiment, self.now_us).await?.file()?),
            Part::BattInfo => Some(ro_crate::battinfo(store, &experiment).await?),
        };
        if let Some(zip) = &mut self.zip {
            zip.begin(&name, out)?;
        }
        let written = Written { name, experiment: place, part, bytes: 0, sha256: String::new() };
        self.present = Some((written, Sha256::new()));
        if let Some(whole) = whole {
            self.write(whole.as_bytes(), out)?;
            self.end();
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ExportError> {
        if let Some((written, hash)) = self.present.as_mut().filter(|_| self.is_crate) {
            written.bytes += bytes.len() as u64;
            hash.update(bytes);
        }
        if let Some(zip) = &mut self.zip {
            zip.write(bytes, out)?;
        }
        Ok(())
    }

    fn end(&mut self) {
        self.open = None;
        if let Some((written, hash)) = self.present.take() {
            self.written.push(Written { sha256: hexadecimal(&hash.finalize()), ..written });
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ExportError> {
        let Some(mut zip) = self.zip.take() else { return Ok(()) };
        if self.is_crate {
            zip.begin(ro_crate::METADATA, out)?;
            zip.write(ro_crate::metadata(&self.experiments, &self.written, self.now_us).as_bytes(), out)?;
        }
        zip.finish(out)?;
        Ok(())
    }
}

/// Year, month, day, hour and minute in the zone of the server.
fn stamp(now_us: i64) -> [u16; 5] {
    let at = DateTime::<Utc>::from_timestamp_micros(now_us).unwrap_or_default().with_timezone(&Local);
    let narrow = |number: u32| u16::try_from(number).unwrap_or(0);
    [
        u16::try_from(at.year()).unwrap_or(1980),
        narrow(at.month()),
        narrow(at.day()),
        narrow(at.hour()),
        narrow(at.minute()),
    ]
}
