-- One row: the epoch grows at every start, so that a device can tell an old server's command from a new one's.
CREATE TABLE IF NOT EXISTS server (
    server_id BIGINT NOT NULL PRIMARY KEY,
    epoch     BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
INSERT IGNORE INTO server (server_id, epoch) VALUES (1, 0);
