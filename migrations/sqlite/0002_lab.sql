-- What is cycled, how, where, and each run of it. Lists of steps are JSON: they are read and written whole.
CREATE TABLE IF NOT EXISTS battery (
    battery_id    INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    technology    TEXT NOT NULL,
    chemistry     TEXT NOT NULL DEFAULT '',
    cells_series  INTEGER NOT NULL DEFAULT 1,
    voltage_min_v REAL NOT NULL,
    voltage_max_v REAL NOT NULL,
    capacity_ah   REAL NOT NULL,
    created_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS profile (
    profile_id    INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    steps_json    TEXT NOT NULL,
    created_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS station (
    station_id     INTEGER PRIMARY KEY,
    name           TEXT NOT NULL UNIQUE,
    device_id      TEXT,
    state          TEXT NOT NULL DEFAULT 'idle',
    experiment_id  INTEGER,
    step           INTEGER,
    cycle          INTEGER,
    reason         TEXT NOT NULL DEFAULT '',
    reported_at_us INTEGER
) STRICT;

CREATE TABLE IF NOT EXISTS experiment (
    experiment_id  INTEGER PRIMARY KEY,
    name           TEXT NOT NULL,
    battery_id     INTEGER NOT NULL,
    station_id     INTEGER NOT NULL,
    profile_id     INTEGER NOT NULL,
    state          TEXT NOT NULL,
    version        INTEGER NOT NULL DEFAULT 0,
    created_at_us  INTEGER NOT NULL,
    started_at_us  INTEGER,
    finished_at_us INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS experiment_station ON experiment (station_id, state);
