-- Single cells under the laboratory's own numbers, and where each one sat at what time.
CREATE TABLE IF NOT EXISTS cell (
    cell_id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    serial        TEXT NOT NULL DEFAULT '',
    technology    TEXT NOT NULL,
    chemistry     TEXT NOT NULL,
    manufacturer  TEXT NOT NULL DEFAULT '',
    model         TEXT NOT NULL DEFAULT '',
    capacity_ah   REAL,
    description   TEXT NOT NULL DEFAULT '',
    version       INTEGER NOT NULL DEFAULT 0,
    once_token    TEXT UNIQUE,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL DEFAULT 0,
    retired_at_us INTEGER
) STRICT;

-- While a place is taken the two columns called live_* hold its keys, afterwards NULL: so no cell is in two places, and no
-- place holds two cells, whoever writes.
CREATE TABLE IF NOT EXISTS cell_place (
    cell_place_id INTEGER PRIMARY KEY,
    cell_id       INTEGER NOT NULL,
    battery_id    INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    from_us       INTEGER NOT NULL,
    to_us         INTEGER,
    live_cell     INTEGER UNIQUE,
    live_position INTEGER,
    reason        TEXT NOT NULL DEFAULT '',
    UNIQUE (battery_id, live_position)
) STRICT;
CREATE INDEX IF NOT EXISTS cell_place_cell ON cell_place (cell_id, from_us);
CREATE INDEX IF NOT EXISTS cell_place_battery ON cell_place (battery_id, position, from_us);

CREATE TABLE IF NOT EXISTS battery_photo (
    battery_id   INTEGER PRIMARY KEY,
    content_type TEXT NOT NULL,
    content      BLOB NOT NULL,
    stored_at_us INTEGER NOT NULL
) STRICT;

-- Batteries of before got no limits for the current and for the single cell: they get what is usual. Done twice, it changes
-- nothing.
UPDATE battery
SET cell_voltage_min_v = voltage_min_v / cells_series, cell_voltage_max_v = voltage_max_v / cells_series,
    current_min_a = -2.0 * capacity_ah, current_max_a = capacity_ah
WHERE cell_voltage_min_v = 0 AND cell_voltage_max_v = 0 AND current_min_a = 0 AND current_max_a = 0;
