-- Which rows of a boot are in sealed chunks, over all streams of the device: what the journal blocks say of the others.
CREATE TABLE IF NOT EXISTS sealed_rows (
    device_id TEXT NOT NULL,
    boot      INTEGER NOT NULL,
    ranges    BLOB NOT NULL,
    PRIMARY KEY (device_id, boot)
) STRICT, WITHOUT ROWID;

-- How far a stream is sealed, how long its longest chunk lasts, and how long the longest block of its pyramid.
CREATE TABLE IF NOT EXISTS stream_seal (
    stream_id    INTEGER PRIMARY KEY,
    row_total    INTEGER NOT NULL,
    chunk_span_us  INTEGER NOT NULL,
    level_span_us  INTEGER NOT NULL,
    sealed_at_us INTEGER NOT NULL
) STRICT;
