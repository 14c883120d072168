-- Instruments that units found, each known by unit, link, model and serial number: another serial number on the same link is
-- another instrument. What units said of them stands in `measures_json` and the limits; NULL: not said.
CREATE TABLE IF NOT EXISTS instrument (
    instrument_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    device_id     VARCHAR(32) NOT NULL,
    model         VARCHAR(64) NOT NULL,
    serial        VARCHAR(64) NOT NULL,
    link          VARCHAR(64) NOT NULL,
    measures_json TEXT,
    voltage_min_v DOUBLE,
    voltage_max_v DOUBLE,
    current_min_a DOUBLE,
    current_max_a DOUBLE,
    first_at_us   BIGINT NOT NULL,
    last_at_us    BIGINT NOT NULL,
    absent_at_us  BIGINT,
    UNIQUE KEY instrument_place (device_id, link, model, serial)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- From when to when an instrument was there; `to_us` is missing while it is.
CREATE TABLE IF NOT EXISTS instrument_presence (
    instrument_id BIGINT NOT NULL,
    from_us       BIGINT NOT NULL,
    to_us         BIGINT,
    PRIMARY KEY (instrument_id, from_us)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The instruments of a station. `live_instrument_id` is the instrument while the station is live: its unique key keeps an
-- instrument out of a second one, whoever builds it at the same moment.
CREATE TABLE IF NOT EXISTS station_instrument (
    station_id         BIGINT NOT NULL,
    instrument_id      BIGINT NOT NULL,
    from_us            BIGINT NOT NULL,
    to_us              BIGINT,
    live_instrument_id BIGINT,
    PRIMARY KEY (station_id, instrument_id),
    UNIQUE KEY station_instrument_live (live_instrument_id),
    KEY station_instrument_history (instrument_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What a station measures: a quantity of one of its instruments, what people call it, and the column its samples have.
CREATE TABLE IF NOT EXISTS station_measure (
    station_id    BIGINT NOT NULL,
    position      BIGINT NOT NULL,
    instrument_id BIGINT NOT NULL,
    quantity      VARCHAR(64) NOT NULL,
    column_name   VARCHAR(64) NOT NULL,
    name          VARCHAR(80) NOT NULL,
    unit          VARCHAR(16) NOT NULL,
    PRIMARY KEY (station_id, position),
    UNIQUE KEY station_measure_column (station_id, column_name),
    UNIQUE KEY station_measure_name (station_id, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
