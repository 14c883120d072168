-- Keys apart from contents: a table without rowids is a tree of whole rows, and to look for one of them SQLite reads those it
-- compares it with, contents and all. Now keys are an index of their own. What lies behind a content is read through it as
-- well, so the content comes last.
CREATE TABLE block_apart (
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
    seq1           INTEGER,
    content        BLOB NOT NULL,
    PRIMARY KEY (stream_id, level, boot, seq0)
) STRICT;
INSERT INTO block_apart
    (stream_id, level, boot, seq0, row_count, at0_us, at1_us, dated, tick_offset_us, received_at_us, column_set_id, codec,
     crc, seq1, content)
SELECT
    stream_id, level, boot, seq0, row_count, at0_us, at1_us, dated, tick_offset_us, received_at_us, column_set_id, codec,
    crc, seq1, content
FROM block
ORDER BY stream_id, level, boot, seq0;
DROP TABLE block;
ALTER TABLE block_apart RENAME TO block;
CREATE INDEX block_reach ON block (stream_id, level, dated, at0_us, at1_us, row_count);
