-- What was or is wrong, who answered, and when it was over. `open_key` names source and code while the alarm is open, so
-- that the same trouble stays one row; it is given up when the alarm is both answered and over.
CREATE TABLE IF NOT EXISTS alarm (
    alarm_id           INTEGER PRIMARY KEY AUTOINCREMENT,
    open_key           TEXT UNIQUE,
    severity           TEXT NOT NULL,
    code               TEXT NOT NULL,
    message            TEXT NOT NULL,
    value              REAL,
    limit_value        REAL,
    experiment_id      INTEGER,
    station_id         INTEGER,
    device_id          TEXT,
    at_us              INTEGER NOT NULL,
    last_at_us         INTEGER NOT NULL,
    repeat_count       INTEGER NOT NULL DEFAULT 1,
    is_late            INTEGER NOT NULL DEFAULT 0,
    cleared_at_us      INTEGER,
    acknowledged_at_us INTEGER,
    acknowledged_by    TEXT NOT NULL DEFAULT '',
    answer             TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS alarm_answered ON alarm (acknowledged_at_us, alarm_id);
CREATE INDEX IF NOT EXISTS alarm_experiment ON alarm (experiment_id, alarm_id);
