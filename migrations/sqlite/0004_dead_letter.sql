-- Messages nobody could use, byte for byte, to be looked at and tried again.
CREATE TABLE IF NOT EXISTS dead_letter (
    dead_letter_id INTEGER PRIMARY KEY,
    device_id      TEXT NOT NULL,
    received_at_us INTEGER NOT NULL,
    topic          TEXT NOT NULL,
    reason         TEXT NOT NULL,
    payload        BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS dead_letter_device ON dead_letter (device_id, received_at_us);

-- Per device and day: what was kept, and what was only counted because the day's share was used up.
CREATE TABLE IF NOT EXISTS dead_letter_day (
    device_id   TEXT NOT NULL,
    day         INTEGER NOT NULL,
    kept_bytes  INTEGER NOT NULL,
    kept_count  INTEGER NOT NULL,
    over_count  INTEGER NOT NULL,
    PRIMARY KEY (device_id, day)
) STRICT, WITHOUT ROWID;
