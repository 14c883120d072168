-- A station is built, changed by a successor and retired. A name is taken while its station is live: `live_name` is the name
-- until then and nothing after. Limits of stations made before are wide open. The table is made anew because SQLite cannot
-- take the uniqueness from a column.
CREATE TABLE station_new (
    station_id        INTEGER PRIMARY KEY,
    name              TEXT NOT NULL,
    device_id         TEXT,
    state             TEXT NOT NULL DEFAULT 'idle',
    experiment_id     INTEGER,
    step              INTEGER,
    cycle             INTEGER,
    reason            TEXT NOT NULL DEFAULT '',
    reported_at_us    INTEGER,
    location          TEXT NOT NULL DEFAULT '',
    description       TEXT NOT NULL DEFAULT '',
    is_virtual        INTEGER NOT NULL DEFAULT 0,
    voltage_min_v     REAL NOT NULL DEFAULT -1000,
    voltage_max_v     REAL NOT NULL DEFAULT 1000,
    current_min_a     REAL NOT NULL DEFAULT -1000,
    current_max_a     REAL NOT NULL DEFAULT 1000,
    parent_station_id INTEGER,
    created_at_us     INTEGER,
    updated_at_us     INTEGER,
    retired_at_us     INTEGER,
    live_name         TEXT,
    version           INTEGER NOT NULL DEFAULT 0,
    once_token        TEXT
) STRICT;
INSERT INTO station_new
    (station_id, name, device_id, state, experiment_id, step, cycle, reason, reported_at_us, live_name)
SELECT station_id, name, device_id, state, experiment_id, step, cycle, reason, reported_at_us, name
FROM station;
DROP TABLE station;
ALTER TABLE station_new RENAME TO station;
CREATE UNIQUE INDEX station_live_name ON station (live_name);
CREATE UNIQUE INDEX station_once ON station (once_token);
CREATE INDEX station_parent ON station (parent_station_id);
