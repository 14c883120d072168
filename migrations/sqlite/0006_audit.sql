-- Who changed what, when, from where and why. Rows are only ever added; each carries the hash of the one before it.
CREATE TABLE IF NOT EXISTS audit (
    audit_id      INTEGER NOT NULL PRIMARY KEY,
    at_us         INTEGER NOT NULL,
    actor         TEXT NOT NULL,
    role          TEXT NOT NULL,
    address       TEXT NOT NULL,
    route         TEXT NOT NULL,
    action        TEXT NOT NULL,
    object        TEXT NOT NULL,
    old_json      TEXT,
    new_json      TEXT,
    reason        TEXT NOT NULL,
    previous_hash BLOB NOT NULL,
    hash          BLOB NOT NULL
) STRICT;

-- One row: the newest entry, so that a log cut off at its end shows.
CREATE TABLE IF NOT EXISTS audit_head (
    audit_head_id INTEGER NOT NULL PRIMARY KEY,
    audit_id      INTEGER NOT NULL,
    hash          BLOB NOT NULL
) STRICT;
INSERT OR IGNORE INTO audit_head (audit_head_id, audit_id, hash) VALUES (1, 0, zeroblob(32));
