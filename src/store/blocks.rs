//! Blocks: the rows of all time series, a batch of rows to a block. Layout and codecs: `docs/database.md`.

mod read;
mod write;

pub use read::StoredBlock;
pub use write::NewBlock;
pub(super) use write::insert_texts;

use super::sql::statements;

/// Level of the blocks that hold samples; higher levels are for the min/max pyramid.
const LEVEL_SAMPLES: i64 = 0;

statements! {
    // Stored ranges of a boot never overlap: if they add up to the whole span, they are one range.
    EXTENT = "
        SELECT MIN(b.seq0), MAX(b.seq0 + b.row_count - 1), CAST(SUM(b.row_count) AS SIGNED)
        FROM block b
        JOIN stream s ON s.stream_id = b.stream_id
        WHERE s.device_id = ? AND b.level = 0 AND b.boot = ?";
    RANGES = "
        SELECT b.seq0, b.seq0 + b.row_count - 1
        FROM block b
        JOIN stream s ON s.stream_id = b.stream_id
        WHERE s.device_id = ? AND b.level = 0 AND b.boot = ?
        ORDER BY b.seq0";
    OVERLAPPING = "
        SELECT
            b.stream_id, b.boot, b.seq0, b.row_count, b.dated, b.tick_offset_us, b.column_set_id, b.codec, b.crc,
            b.content
        FROM block b
        JOIN stream s ON s.stream_id = b.stream_id
        WHERE s.device_id = ? AND b.level = 0 AND b.boot = ? AND b.seq0 > ? AND b.seq0 <= ?
        ORDER BY b.seq0";
    DATE_BLOCKS = "
        UPDATE block
        SET dated = 1, tick_offset_us = ?, at0_us = at0_us + ?, at1_us = at1_us + ?
        WHERE level = 0 AND boot = ? AND dated = 0 AND stream_id IN (SELECT stream_id FROM stream WHERE device_id = ?)";
    WINDOW = "
        SELECT stream_id, boot, seq0, row_count, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 0 AND dated = 1 AND at0_us >= ? AND at0_us <= ? AND at1_us >= ?
        ORDER BY at0_us";
    AFTER = "
        SELECT stream_id, boot, seq0, row_count, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 0 AND ((boot = ? AND seq0 > ?) OR boot > ?)
        ORDER BY boot, seq0
        LIMIT ?";
}
