-- Devices log in with an id and a secret of which only the SHA-256 is kept.
CREATE TABLE IF NOT EXISTS device (
    device_id        TEXT NOT NULL PRIMARY KEY,
    kind             TEXT NOT NULL,
    secret_sha256    BLOB NOT NULL,
    disabled         INTEGER NOT NULL DEFAULT 0,
    model            TEXT NOT NULL DEFAULT '',
    firmware         TEXT NOT NULL DEFAULT '',
    serial           TEXT NOT NULL DEFAULT '',
    boot             INTEGER,
    registered_at_us INTEGER NOT NULL,
    hello_at_us      INTEGER,
    seen_at_us       INTEGER
) STRICT;

-- When a boot of a device without a clock took place: its tick counter at a moment of UTC.
CREATE TABLE IF NOT EXISTS boot_clock (
    device_id TEXT NOT NULL,
    boot      INTEGER NOT NULL,
    tick_us   INTEGER NOT NULL,
    at_us     INTEGER NOT NULL,
    PRIMARY KEY (device_id, boot)
) STRICT, WITHOUT ROWID;
