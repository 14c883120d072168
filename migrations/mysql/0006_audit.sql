-- Who changed what, when, from where and why. Rows are only ever added; each carries the hash of the one before it.
CREATE TABLE IF NOT EXISTS audit (
    audit_id      BIGINT NOT NULL PRIMARY KEY,
    at_us         BIGINT NOT NULL,
    actor         VARCHAR(64) NOT NULL,
    role          VARCHAR(16) NOT NULL,
    address       VARCHAR(64) NOT NULL,
    route         VARCHAR(128) NOT NULL,
    action        VARCHAR(64) NOT NULL,
    object        VARCHAR(160) NOT NULL,
    old_json      MEDIUMTEXT,
    new_json      MEDIUMTEXT,
    reason        VARCHAR(512) NOT NULL,
    previous_hash BINARY(32) NOT NULL,
    hash          BINARY(32) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row: the newest entry, so that a log cut off at its end shows.
CREATE TABLE IF NOT EXISTS audit_head (
    audit_head_id BIGINT NOT NULL PRIMARY KEY,
    audit_id      BIGINT NOT NULL,
    hash          BINARY(32) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
INSERT IGNORE INTO audit_head (audit_head_id, audit_id, hash) VALUES (1, 0, REPEAT('\0', 32));
