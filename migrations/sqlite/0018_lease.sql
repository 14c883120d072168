-- Work that one server at a time does for all that share the database: scheduler, watchdog, outbox.
CREATE TABLE IF NOT EXISTS lease (
    name     TEXT PRIMARY KEY,
    owner    TEXT NOT NULL,
    epoch    INTEGER NOT NULL,
    until_us INTEGER NOT NULL
) STRICT;
