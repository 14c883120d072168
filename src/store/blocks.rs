//! Blocks: the rows of all time series. New ones are journal blocks, a batch of rows each; a background job seals them
//! into chunks with a pyramid. Layout and codecs: `docs/database.md`.

mod chunks;
mod drawn;
mod order;
mod outline;
mod read;
mod unpack;
mod write;

pub(super) use chunks::earliest;
pub use read::StoredBlock;
pub(super) use write::INSERT;
pub use write::NewBlock;

use super::sql::statements;

/// Level of journal blocks.
pub(super) const LEVEL_JOURNAL: i64 = 0;
/// Level of the buckets of 64 rows.
pub(super) const LEVEL_1: i64 = 1;
/// Level of the buckets of 2,048 rows.
pub(super) const LEVEL_2: i64 = 2;
/// Level of sealed chunks. They lie apart from the journal, so that the end of a stream is found without passing them.
pub(super) const LEVEL_CHUNKS: i64 = 3;

statements! {
    SEALED_RANGES = "
        SELECT ranges
        FROM sealed_rows
        WHERE device_id = ? AND boot = ?";
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
            b.stream_id, b.boot, b.seq0, b.row_count, b.seq1, b.dated, b.tick_offset_us, b.column_set_id, b.codec, b.crc,
            b.content
        FROM block b
        JOIN stream s ON s.stream_id = b.stream_id
        WHERE s.device_id = ? AND b.level = 0 AND b.boot = ? AND b.seq0 > ? AND b.seq0 <= ?
        ORDER BY b.seq0";
    OVERLAPPING_CHUNKS = "
        SELECT
            b.stream_id, b.boot, b.seq0, b.row_count, b.seq1, b.dated, b.tick_offset_us, b.column_set_id, b.codec, b.crc,
            b.content
        FROM block b
        JOIN stream s ON s.stream_id = b.stream_id
        WHERE s.device_id = ? AND b.level = 3 AND b.boot = ? AND b.seq0 <= ? AND b.seq1 >= ?
        ORDER BY b.seq0";
    DATE_BLOCKS = "
        UPDATE block
        SET dated = 1, tick_offset_us = ?, at0_us = at0_us + ?, at1_us = at1_us + ?
        WHERE level = 0 AND boot = ? AND dated = 0 AND stream_id IN (SELECT stream_id FROM stream WHERE device_id = ?)";
    WINDOW = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 0 AND dated = 1 AND at0_us >= ? AND at0_us <= ? AND at1_us >= ?
        ORDER BY at0_us";
    AFTER = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 0 AND ((boot = ? AND seq0 > ?) OR boot > ?)
        ORDER BY boot, seq0
        LIMIT ?";
    CHUNKS_AFTER = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 3 AND ((boot = ? AND seq1 > ?) OR boot > ?)
        ORDER BY boot, seq0
        LIMIT ?";
    // How far before a window a block may begin and still reach into it is asked in the same statement: what is sealed
    // between two of them may be longer than all before it.
    // How many rows the chunks of a window have, and how many chunks there are; of very many only the first are counted.
    ROWS_OF_CHUNKS = "
        SELECT CAST(COALESCE(SUM(few.row_count), 0) AS SIGNED), COUNT(*)
        FROM (
            SELECT row_count
            FROM block
            WHERE stream_id = ? AND level = 3 AND dated = 1
                AND at0_us >= ? - (SELECT chunk_span_us FROM stream_seal WHERE stream_id = ?)
                AND at0_us <= ? AND at1_us >= ?
            ORDER BY at0_us
            LIMIT ?
        ) few";
    LEVEL_WINDOW = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = ? AND dated = 1
            AND at0_us >= ? - (SELECT CASE ? WHEN 3 THEN chunk_span_us ELSE level_span_us END
                FROM stream_seal WHERE stream_id = ?)
            AND at0_us <= ? AND at1_us >= ?
        ORDER BY at0_us";
    CHUNK = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 3 AND boot = ? AND seq0 = ?";
    TWO_CHUNKS = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 3 AND boot = ? AND seq0 = ?
        UNION ALL
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 3 AND boot = ? AND seq0 = ?";
    // How far a block of the journal reaches at most, and whether it holds any rows: `latest` counts them all.
    JOURNAL = "
        SELECT l.span_max_us, CASE WHEN l.row_total > COALESCE(q.row_total, 0) THEN 1 ELSE 0 END
        FROM latest l
        LEFT JOIN stream_seal q ON q.stream_id = l.stream_id
        WHERE l.stream_id = ?";
}
