//! Archiving: chunks of finished experiments leave the database for a file, and come back.
//!
//! A chunk is always in exactly one tier. Its file is written, made sure of, read back and compared first; then one
//! transaction puts the place of each chunk where its bytes were. The pyramid stays, so that only what needs the rows
//! themselves reads the archive. A row of `archive_object` stands before its file is written and until it is removed, so
//! that no file is ever forgotten, however often the server is killed.

mod body;
mod files;
mod part;
mod restore;
mod state;
pub(super) mod stub;

pub use part::PartDone;
pub use restore::RestoreDone;
pub use state::{ArchiveTotals, Archived};

use super::sql::statements;

/// Chunks of one file: two million rows, a few megabytes.
const CHUNKS_PER_FILE: i64 = 128;
/// Bytes of chunks in one file: with many noisy columns fewer chunks are a file.
const CHUNK_BYTES_PER_FILE: usize = 16 * 1024 * 1024;
/// Bytes of the rows of one file, unpacked: what is in memory while it is made.
const ROW_BYTES_PER_FILE: usize = 128 * 1024 * 1024;
/// Chunks that come back in one transaction: some megabytes, so that ingest does not wait for it.
const CHUNKS_PER_RESTORE: i64 = 16;
/// After so long a file that was begun belongs to nobody any more: writing and reading one back takes seconds, µs.
const BEGUN_US: i64 = 600_000_000;
/// Files removed, and experiments named, at once.
const PAGE: i64 = 100;

/// A file that is being written: nothing depends on it.
const BEGUN: &str = "begun";
/// A file that chunks are in.
const STORED: &str = "stored";
/// A file that nothing depends on any more.
const LEFT: &str = "left";

statements! {
    // Sealed rows nobody has offered to the archive yet, of experiments that are over and that nobody wants to keep here.
    CANDIDATES = "
        SELECT e.experiment_id, s.stream_id
        FROM experiment e
        JOIN stream s ON s.subject_kind = 'experiment' AND s.subject_id = e.experiment_id
        JOIN stream_seal q ON q.stream_id = s.stream_id
        LEFT JOIN stream_archive a ON a.stream_id = s.stream_id
        LEFT JOIN archive_keep k ON k.experiment_id = e.experiment_id
        WHERE e.state IN ('finished', 'stopped', 'fault', 'aborted') AND e.finished_at_us < ?
            AND k.experiment_id IS NULL AND (a.row_total IS NULL OR a.row_total <> q.row_total)
        ORDER BY e.finished_at_us, e.experiment_id, s.stream_id
        LIMIT ?";
    SEALED_ROWS = "
        SELECT row_total
        FROM stream_seal
        WHERE stream_id = ?";
    OFFERED = "
        INSERT INTO stream_archive (stream_id, row_total)
        VALUES (?, ?)
        ON CONFLICT (stream_id) DO UPDATE SET row_total = excluded.row_total" | "
        INSERT INTO stream_archive (stream_id, row_total)
        VALUES (?, ?)
        ON DUPLICATE KEY UPDATE row_total = VALUES(row_total)";
    OFFER_AGAIN = "
        DELETE FROM stream_archive
        WHERE stream_id = ?";
    HERE = "
        SELECT boot, seq0, column_set_id, LENGTH(content), row_count
        FROM block
        WHERE stream_id = ? AND level = 3 AND dated = 1 AND codec IN (1, 2)
        ORDER BY boot, seq0
        LIMIT ?";
    AWAY = "
        SELECT stream_id, boot, seq0, row_count, seq1, dated, tick_offset_us, column_set_id, codec, crc, content
        FROM block
        WHERE stream_id = ? AND level = 3 AND codec = 3
        ORDER BY boot, seq0
        LIMIT ?";
    REPLACE = "
        UPDATE block
        SET codec = ?, crc = ?, content = ?
        WHERE stream_id = ? AND level = 3 AND boot = ? AND seq0 = ? AND codec = ? AND crc = ?";
    BEGIN_FILE = "
        INSERT INTO archive_object
            (experiment_id, stream_id, name, place, state, chunk_count, row_total, bytes, sha256, touched_at_us)
        VALUES (?, ?, '', ?, 'begun', ?, ?, ?, ?, ?)";
    NAME_FILE = "
        UPDATE archive_object
        SET name = ?
        WHERE archive_object_id = ?";
    MOVE_FILE = "
        UPDATE archive_object
        SET state = ?, touched_at_us = ?
        WHERE archive_object_id = ? AND state = ?";
    FORGET_FILE = "
        DELETE FROM archive_object
        WHERE archive_object_id = ? AND state = 'left'";
    FILE = "
        SELECT name, bytes, place
        FROM archive_object
        WHERE archive_object_id = ?";
    RELEASE = "
        UPDATE archive_object
        SET chunk_count = chunk_count - 1
        WHERE archive_object_id = ?";
    RELEASED = "
        UPDATE archive_object
        SET state = 'left', touched_at_us = ?
        WHERE archive_object_id = ? AND state = 'stored' AND chunk_count <= 0";
    BEGUN_BEFORE = "
        UPDATE archive_object
        SET state = 'left', touched_at_us = ?
        WHERE state = 'begun' AND touched_at_us < ?";
    LEFT_FILES = "
        SELECT archive_object_id, name
        FROM archive_object
        WHERE state = 'left'
        ORDER BY archive_object_id
        LIMIT ?";
    KEEP = "
        INSERT OR IGNORE INTO archive_keep (experiment_id, kept_by, kept_at_us)
        VALUES (?, ?, ?)" | "
        INSERT IGNORE INTO archive_keep (experiment_id, kept_by, kept_at_us)
        VALUES (?, ?, ?)";
    KEEP_NO_MORE = "
        DELETE FROM archive_keep
        WHERE experiment_id = ?";
    TO_RESTORE = "
        SELECT DISTINCT k.experiment_id
        FROM archive_keep k
        JOIN archive_object o ON o.experiment_id = k.experiment_id AND o.state = 'stored'
        ORDER BY k.experiment_id
        LIMIT ?";
    OF_EXPERIMENT = "
        SELECT
            COUNT(*), CAST(COALESCE(SUM(chunk_count), 0) AS SIGNED), CAST(COALESCE(SUM(bytes), 0) AS SIGNED),
            MAX(touched_at_us), MIN(place)
        FROM archive_object
        WHERE experiment_id = ? AND state = 'stored'";
    IS_KEPT = "
        SELECT kept_at_us
        FROM archive_keep
        WHERE experiment_id = ?";
    TOTALS = "
        SELECT
            state, COUNT(*), COUNT(DISTINCT experiment_id), CAST(COALESCE(SUM(row_total), 0) AS SIGNED),
            CAST(COALESCE(SUM(bytes), 0) AS SIGNED)
        FROM archive_object
        GROUP BY state";
    FILES_OF = "
        SELECT archive_object_id, name, bytes, place
        FROM archive_object
        WHERE experiment_id = ? AND state = 'stored' AND archive_object_id > ?
        ORDER BY archive_object_id
        LIMIT ?";
    STORED_FILES = "
        SELECT archive_object_id, name, bytes, sha256
        FROM archive_object
        WHERE state = 'stored' AND archive_object_id > ?
        ORDER BY archive_object_id
        LIMIT ?";
}
