-- One row: the epoch grows at every start, so that a device can tell an old server's command from a new one's.
CREATE TABLE IF NOT EXISTS server (
    server_id INTEGER NOT NULL PRIMARY KEY,
    epoch     INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO server (server_id, epoch) VALUES (1, 0);
