-- What devices are told to do: written with the change it follows from, sent until it is answered or has expired.
CREATE TABLE IF NOT EXISTS outbox (
    command_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id      TEXT NOT NULL,
    verb           TEXT NOT NULL,
    payload_json   TEXT NOT NULL,
    state          TEXT NOT NULL DEFAULT 'queued',
    asked_by       TEXT NOT NULL,
    created_at_us  INTEGER NOT NULL,
    expires_at_us  INTEGER,
    sent_at_us     INTEGER,
    sent_count     INTEGER NOT NULL DEFAULT 0,
    answered_at_us INTEGER,
    reason         TEXT NOT NULL DEFAULT '',
    result_json    TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state, command_id);
CREATE INDEX IF NOT EXISTS outbox_device ON outbox (device_id, verb, command_id);
