-- Instruments that units found, each known by unit, link, model and serial number: another serial number on the same link is
-- another instrument. What units said of them stands in `measures_json` and the limits; NULL: not said.
CREATE TABLE IF NOT EXISTS instrument (
    instrument_id INTEGER PRIMARY KEY,
    device_id     TEXT NOT NULL,
    model         TEXT NOT NULL,
    serial        TEXT NOT NULL,
    link          TEXT NOT NULL,
    measures_json TEXT,
    voltage_min_v REAL,
    voltage_max_v REAL,
    current_min_a REAL,
    current_max_a REAL,
    first_at_us   INTEGER NOT NULL,
    last_at_us    INTEGER NOT NULL,
    absent_at_us  INTEGER,
    UNIQUE (device_id, link, model, serial)
) STRICT;

-- From when to when an instrument was there; `to_us` is missing while it is.
CREATE TABLE IF NOT EXISTS instrument_presence (
    instrument_id INTEGER NOT NULL,
    from_us       INTEGER NOT NULL,
    to_us         INTEGER,
    PRIMARY KEY (instrument_id, from_us)
) STRICT, WITHOUT ROWID;

-- The instruments of a station. `live_instrument_id` is the instrument while the station is live: its unique key keeps an
-- instrument out of a second one, whoever builds it at the same moment.
CREATE TABLE IF NOT EXISTS station_instrument (
    station_id         INTEGER NOT NULL,
    instrument_id      INTEGER NOT NULL,
    from_us            INTEGER NOT NULL,
    to_us              INTEGER,
    live_instrument_id INTEGER UNIQUE,
    PRIMARY KEY (station_id, instrument_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS station_instrument_history ON station_instrument (instrument_id);

-- What a station measures: a quantity of one of its instruments, what people call it, and the column its samples have.
CREATE TABLE IF NOT EXISTS station_measure (
    station_id    INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    instrument_id INTEGER NOT NULL,
    quantity      TEXT NOT NULL,
    column_name   TEXT NOT NULL,
    name          TEXT NOT NULL,
    unit          TEXT NOT NULL,
    PRIMARY KEY (station_id, position),
    UNIQUE (station_id, column_name),
    UNIQUE (station_id, name)
) STRICT, WITHOUT ROWID;
