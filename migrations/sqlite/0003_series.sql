-- All time series: what one device measured for one experiment or battery is a stream, stored as blocks.
CREATE TABLE IF NOT EXISTS stream (
    stream_id     INTEGER PRIMARY KEY,
    device_id     TEXT NOT NULL,
    subject_kind  TEXT NOT NULL,
    subject_id    INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    UNIQUE (device_id, subject_kind, subject_id)
) STRICT;
CREATE INDEX IF NOT EXISTS stream_subject ON stream (subject_kind, subject_id);

-- The names of a block's columns, in order; stored once, however many blocks have them.
CREATE TABLE IF NOT EXISTS column_set (
    column_set_id INTEGER PRIMARY KEY,
    names_sha256  BLOB NOT NULL UNIQUE,
    names_json    TEXT NOT NULL
) STRICT;

-- docs/database.md describes levels, codecs and the bytes of a block.
CREATE TABLE IF NOT EXISTS block (
    stream_id      INTEGER NOT NULL,
    level          INTEGER NOT NULL,
    boot           INTEGER NOT NULL,
    seq0           INTEGER NOT NULL,
    row_count      INTEGER NOT NULL,
    at0_us         INTEGER NOT NULL,
    at1_us         INTEGER NOT NULL,
    dated          INTEGER NOT NULL,
    tick_offset_us INTEGER NOT NULL,
    received_at_us INTEGER NOT NULL,
    column_set_id  INTEGER NOT NULL,
    codec          INTEGER NOT NULL,
    crc            INTEGER NOT NULL,
    content        BLOB NOT NULL,
    PRIMARY KEY (stream_id, level, boot, seq0)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS block_time ON block (stream_id, level, dated, at0_us);

-- The end of each stream, so that no page computes it from history.
CREATE TABLE IF NOT EXISTS latest (
    stream_id      INTEGER NOT NULL PRIMARY KEY,
    boot           INTEGER NOT NULL,
    seq            INTEGER NOT NULL,
    at_us          INTEGER NOT NULL,
    received_at_us INTEGER NOT NULL,
    values_json    TEXT NOT NULL,
    row_total      INTEGER NOT NULL,
    first_at_us    INTEGER NOT NULL,
    span_max_us    INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS latest_received ON latest (received_at_us);
