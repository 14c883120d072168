//! Where streams end: the newest row of each, whatever order batches arrive in and whatever clocks say.

use std::collections::btree_map;
use std::sync::Arc;

use super::Building;
use crate::domain::ids::{DeviceId, StreamId};
use crate::domain::sample::Batch;
use crate::ingest::packed::Packed;
use crate::store::StoreError;
use crate::store::blocks::NewBlock;
use crate::store::streams::Latest;

/// The end of a stream as it grows within a group. Its values are written out once, at the end of the group.
pub(super) struct End {
    latest: Latest,
    /// The batch that holds the newest row, if the group brought it.
    newest: Option<Arc<Batch>>,
}

impl Building<'_> {
    /// The newest row is the end of the stream, in whatever order batches arrive: of a boot the one with the highest number,
    /// whatever the device's clock says meanwhile; of several boots, one of the boot the device is in.
    pub(super) async fn move_end(
        &mut self,
        device: &DeviceId,
        stream: StreamId,
        block: &NewBlock<'_>,
        packed: &Packed,
    ) -> Result<(), StoreError> {
        let row_count = i64::try_from(block.row_count).unwrap_or(i64::MAX);
        let span_us = block.at1_us.saturating_sub(block.at0_us);
        let batch = packed.batch();
        let last_us = batch.times_us.last().map_or(block.at1_us, |at_us| at_us.saturating_add(block.tick_offset_us));
        let (first_at_us, at_us) = if block.dated { (block.at0_us, last_us) } else { (self.now_us, self.now_us) };
        let present = self.known.boot(device);
        let end = match self.ends.entry(stream) {
            btree_map::Entry::Occupied(entry) => entry.into_mut(),
            btree_map::Entry::Vacant(entry) => {
                let latest = self.known.latest(&mut self.group, stream).await?.unwrap_or_else(|| Latest {
                    boot: i64::from(block.boot),
                    seq: block.seq0,
                    at_us: i64::MIN,
                    received_at_us: self.now_us,
                    values_json: String::new(),
                    row_total: 0,
                    first_at_us,
                    span_max_us: 0,
                });
                entry.insert(End { latest, newest: None })
            }
        };
        end.latest.row_total += row_count;
        end.latest.first_at_us = end.latest.first_at_us.min(first_at_us);
        end.latest.span_max_us = end.latest.span_max_us.max(span_us);
        let (latest, boot) = (&end.latest, i64::from(block.boot));
        let is_newer = if latest.at_us == i64::MIN {
            true
        } else if latest.boot == boot {
            batch.last_seq() > latest.seq
        } else if present == Some(block.boot) {
            true
        } else {
            present.map(i64::from) != Some(latest.boot) && at_us >= latest.at_us
        };
        if is_newer {
            (end.latest.boot, end.latest.seq, end.latest.at_us) = (boot, batch.last_seq(), at_us);
            end.latest.received_at_us = self.now_us;
            end.newest = Some(Arc::clone(&packed.batch));
        }
        Ok(())
    }

    /// Writes the new ends of streams, with the values of their newest rows.
    pub(super) async fn write_ends(&mut self) -> Result<(), StoreError> {
        let mut ends = Vec::with_capacity(self.ends.len());
        for (stream, End { mut latest, newest }) in std::mem::take(&mut self.ends) {
            if let Some(batch) = newest {
                let row = batch.rows().saturating_sub(1);
                let values: serde_json::Map<String, serde_json::Value> =
                    batch.columns.iter().map(|column| (column.name.clone(), column.get(row).into())).collect();
                latest.boot = i64::from(batch.boot);
                latest.seq = batch.seq + i64::try_from(row).unwrap_or(0);
                latest.values_json = serde_json::Value::from(values).to_string();
            }
            ends.push((stream, latest));
        }
        self.group.set_latest(&ends).await?;
        for (stream, latest) in ends {
            self.known.set_latest(stream, latest);
        }
        Ok(())
    }
}
