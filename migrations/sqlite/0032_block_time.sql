-- What decides whether a block reaches into a window stands in the index: a look at the block itself costs its pages.
DROP INDEX IF EXISTS block_time;
CREATE INDEX IF NOT EXISTS block_reach ON block (stream_id, level, dated, at0_us, at1_us, row_count);
