-- Devices log in with an id and a secret of which only the SHA-256 is kept.
CREATE TABLE IF NOT EXISTS device (
    device_id        VARCHAR(32) NOT NULL PRIMARY KEY,
    kind             VARCHAR(16) NOT NULL,
    secret_sha256    BINARY(32) NOT NULL,
    disabled         BOOLEAN NOT NULL DEFAULT 0,
    model            VARCHAR(64) NOT NULL DEFAULT '',
    firmware         VARCHAR(64) NOT NULL DEFAULT '',
    serial           VARCHAR(64) NOT NULL DEFAULT '',
    boot             BIGINT,
    registered_at_us BIGINT NOT NULL,
    hello_at_us      BIGINT,
    seen_at_us       BIGINT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- When a boot of a device without a clock took place: its tick counter at a moment of UTC.
CREATE TABLE IF NOT EXISTS boot_clock (
    device_id VARCHAR(32) NOT NULL,
    boot      BIGINT NOT NULL,
    tick_us   BIGINT NOT NULL,
    at_us     BIGINT NOT NULL,
    PRIMARY KEY (device_id, boot)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
