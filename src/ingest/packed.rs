//! A batch with the bytes it will be stored as.

use std::sync::Arc;

use crate::domain::sample::Batch;
use crate::ingest::run::SMALL_ROWS;
use crate::series::codec;

/// A batch and its block: made where the message was received, so that the work is spread over the cores.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    pub(super) batch: Arc<Batch>,
    /// The rows in the journal codec; empty when they are few and will be packed together with others.
    pub(super) content: Vec<u8>,
    /// Checksum of the content.
    pub(super) crc: u32,
    /// Earliest and latest time, in the clock of the batch, µs.
    pub(super) span_us: (i64, i64),
}

impl Packed {
    /// Packs a batch.
    #[must_use]
    pub fn new(batch: Batch) -> Self {
        let is_small = batch.rows() < SMALL_ROWS;
        let content = if is_small { Vec::new() } else { codec::encode(&batch.times_us, &batch.columns) };
        let crc = codec::checksum(&content);
        let first = batch.times_us.first().copied().unwrap_or(0);
        let span_us = batch.times_us.iter().fold((first, first), |(low, high), at| (low.min(*at), high.max(*at)));
        Self { batch: Arc::new(batch), content, crc, span_us }
    }

    /// The rows.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }
}
