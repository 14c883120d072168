-- What is to be told outside of the pages: a row per alarm and way, kept until it is delivered or given up.
CREATE TABLE IF NOT EXISTS notice (
    notice_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm_id      INTEGER NOT NULL,
    way           TEXT NOT NULL,
    state         TEXT NOT NULL DEFAULT 'queued',
    created_at_us INTEGER NOT NULL,
    due_at_us     INTEGER NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    sent_at_us    INTEGER,
    reason        TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS notice_once ON notice (alarm_id, way);
CREATE INDEX IF NOT EXISTS notice_due ON notice (state, due_at_us);
