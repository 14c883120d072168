-- Work that one server at a time does for all that share the database: scheduler, watchdog, outbox.
CREATE TABLE IF NOT EXISTS lease (
    name     VARCHAR(32) NOT NULL PRIMARY KEY,
    owner    VARCHAR(64) NOT NULL,
    epoch    BIGINT NOT NULL,
    until_us BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
