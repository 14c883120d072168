-- What decides whether a block reaches into a window stands in the index: a look at the block itself costs its pages.
ALTER TABLE block
    DROP KEY block_time,
    ADD KEY block_reach (stream_id, level, dated, at0_us, at1_us, row_count);
