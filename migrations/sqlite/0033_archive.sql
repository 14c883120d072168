-- Files of the archive. A row stands here before its file is written and until it is removed: none is ever forgotten.
CREATE TABLE IF NOT EXISTS archive_object (
    archive_object_id INTEGER PRIMARY KEY AUTOINCREMENT,
    experiment_id     INTEGER NOT NULL,
    stream_id         INTEGER NOT NULL,
    name              TEXT NOT NULL,
    place             TEXT NOT NULL,
    state             TEXT NOT NULL,
    chunk_count       INTEGER NOT NULL,
    row_total         INTEGER NOT NULL,
    bytes             INTEGER NOT NULL,
    sha256            BLOB NOT NULL,
    touched_at_us     INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS archive_object_experiment ON archive_object (experiment_id);
CREATE INDEX IF NOT EXISTS archive_object_state ON archive_object (state, touched_at_us);

-- How many sealed rows of a stream have been offered to the archive: as many as there are means that nothing is to be done.
CREATE TABLE IF NOT EXISTS stream_archive (
    stream_id INTEGER PRIMARY KEY,
    row_total INTEGER NOT NULL
) STRICT;

-- Experiments that somebody brought back: they stay in the database until somebody archives them.
CREATE TABLE IF NOT EXISTS archive_keep (
    experiment_id INTEGER PRIMARY KEY,
    kept_by       TEXT NOT NULL,
    kept_at_us    INTEGER NOT NULL
) STRICT;
