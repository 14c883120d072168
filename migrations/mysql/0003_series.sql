-- All time series: what one device measured for one experiment or battery is a stream, stored as blocks.
CREATE TABLE IF NOT EXISTS stream (
    stream_id     BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    device_id     VARCHAR(32) NOT NULL,
    subject_kind  VARCHAR(16) NOT NULL,
    subject_id    BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    UNIQUE KEY stream_device (device_id, subject_kind, subject_id),
    KEY stream_subject (subject_kind, subject_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The names of a block's columns, in order; stored once, however many blocks have them.
CREATE TABLE IF NOT EXISTS column_set (
    column_set_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    names_sha256  BINARY(32) NOT NULL UNIQUE,
    names_json    TEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- docs/database.md describes levels, codecs and the bytes of a block.
CREATE TABLE IF NOT EXISTS block (
    stream_id      BIGINT NOT NULL,
    level          SMALLINT NOT NULL,
    boot           BIGINT NOT NULL,
    seq0           BIGINT NOT NULL,
    row_count      INT NOT NULL,
    at0_us         BIGINT NOT NULL,
    at1_us         BIGINT NOT NULL,
    dated          BOOLEAN NOT NULL,
    tick_offset_us BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    column_set_id  BIGINT NOT NULL,
    codec          SMALLINT NOT NULL,
    crc            BIGINT NOT NULL,
    content        MEDIUMBLOB NOT NULL,
    PRIMARY KEY (stream_id, level, boot, seq0),
    KEY block_time (stream_id, level, dated, at0_us)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The end of each stream, so that no page computes it from history.
CREATE TABLE IF NOT EXISTS latest (
    stream_id      BIGINT NOT NULL PRIMARY KEY,
    boot           BIGINT NOT NULL,
    seq            BIGINT NOT NULL,
    at_us          BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    values_json    TEXT NOT NULL,
    row_total      BIGINT NOT NULL,
    first_at_us    BIGINT NOT NULL,
    span_max_us    BIGINT NOT NULL,
    KEY latest_received (received_at_us)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
