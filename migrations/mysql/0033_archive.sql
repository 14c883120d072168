-- Files of the archive. A row stands here before its file is written and until it is removed: none is ever forgotten.
CREATE TABLE IF NOT EXISTS archive_object (
    archive_object_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    experiment_id     BIGINT NOT NULL,
    stream_id         BIGINT NOT NULL,
    name              VARCHAR(255) NOT NULL,
    place             VARCHAR(1024) NOT NULL,
    state             VARCHAR(16) NOT NULL,
    chunk_count       BIGINT NOT NULL,
    row_total         BIGINT NOT NULL,
    bytes             BIGINT NOT NULL,
    sha256            VARBINARY(32) NOT NULL,
    touched_at_us     BIGINT NOT NULL,
    KEY archive_object_experiment (experiment_id),
    KEY archive_object_state (state, touched_at_us)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- How many sealed rows of a stream have been offered to the archive: as many as there are means that nothing is to be done.
CREATE TABLE IF NOT EXISTS stream_archive (
    stream_id BIGINT NOT NULL PRIMARY KEY,
    row_total BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Experiments that somebody brought back: they stay in the database until somebody archives them.
CREATE TABLE IF NOT EXISTS archive_keep (
    experiment_id BIGINT NOT NULL PRIMARY KEY,
    kept_by       VARCHAR(64) NOT NULL,
    kept_at_us    BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
