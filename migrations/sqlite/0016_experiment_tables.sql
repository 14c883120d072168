-- Every change of an experiment's state, who caused it and why.
CREATE TABLE IF NOT EXISTS transition (
    transition_id INTEGER PRIMARY KEY,
    experiment_id INTEGER NOT NULL,
    at_us         INTEGER NOT NULL,
    from_state    TEXT,
    to_state      TEXT NOT NULL,
    actor         TEXT NOT NULL,
    reason        TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS transition_experiment ON transition (experiment_id, transition_id);

-- One row: the number of the newest change to any experiment. It is raised last in a transaction, so numbers rise in
-- the order of the commits and whoever read up to one has missed nothing before it.
CREATE TABLE IF NOT EXISTS experiment_change (
    experiment_change_id INTEGER PRIMARY KEY,
    seq                  INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO experiment_change (experiment_change_id, seq) VALUES (1, 0);

-- A list somebody comes back to: what it filters and how it sorts, as in the address of the page.
CREATE TABLE IF NOT EXISTS saved_view (
    saved_view_id INTEGER PRIMARY KEY,
    user_id       INTEGER NOT NULL,
    name          TEXT NOT NULL,
    query         TEXT NOT NULL,
    created_at_us INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS saved_view_name ON saved_view (user_id, name);
