-- Which rows of a boot are in sealed chunks, over all streams of the device: what the journal blocks say of the others.
CREATE TABLE IF NOT EXISTS sealed_rows (
    device_id VARCHAR(32) NOT NULL,
    boot      BIGINT NOT NULL,
    ranges    MEDIUMBLOB NOT NULL,
    PRIMARY KEY (device_id, boot)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- How far a stream is sealed, how long its longest chunk lasts, and how long the longest block of its pyramid.
CREATE TABLE IF NOT EXISTS stream_seal (
    stream_id    BIGINT NOT NULL PRIMARY KEY,
    row_total    BIGINT NOT NULL,
    chunk_span_us  BIGINT NOT NULL,
    level_span_us  BIGINT NOT NULL,
    sealed_at_us BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
