-- Files of finished experiments. Their rows wait in a stream about the import; when all are there, one transaction makes
-- the experiment and gives it the stream, so nobody ever sees half of it.
CREATE TABLE IF NOT EXISTS import (
    import_id     INTEGER PRIMARY KEY,
    state         TEXT NOT NULL,
    file_name     TEXT NOT NULL,
    file_sha256   BLOB NOT NULL,
    file_bytes    INTEGER NOT NULL,
    format        TEXT NOT NULL,
    row_total     INTEGER NOT NULL DEFAULT 0,
    experiment_id INTEGER,
    evidence_json TEXT NOT NULL DEFAULT '{}',
    added_by      TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    touched_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS import_file ON import (file_sha256, state);
CREATE INDEX IF NOT EXISTS import_state ON import (state, touched_at_us);
CREATE INDEX IF NOT EXISTS import_experiment ON import (experiment_id);
