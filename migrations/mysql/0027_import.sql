-- Files of finished experiments. Their rows wait in a stream about the import; when all are there, one transaction makes
-- the experiment and gives it the stream, so nobody ever sees half of it.
CREATE TABLE IF NOT EXISTS import (
    import_id     BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    state         VARCHAR(16) NOT NULL,
    file_name     VARCHAR(255) NOT NULL,
    file_sha256   BINARY(32) NOT NULL,
    file_bytes    BIGINT NOT NULL,
    format        VARCHAR(32) NOT NULL,
    row_total     BIGINT NOT NULL DEFAULT 0,
    experiment_id BIGINT NULL,
    evidence_json LONGTEXT NOT NULL,
    added_by      VARCHAR(64) NOT NULL,
    created_at_us BIGINT NOT NULL,
    touched_at_us BIGINT NOT NULL,
    KEY import_file (file_sha256, state),
    KEY import_state (state, touched_at_us),
    KEY import_experiment (experiment_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
