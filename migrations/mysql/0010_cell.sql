-- Single cells under the laboratory's own numbers, and where each one sat at what time.
CREATE TABLE IF NOT EXISTS cell (
    cell_id       BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name          VARCHAR(128) NOT NULL UNIQUE,
    serial        VARCHAR(80) NOT NULL DEFAULT '',
    technology    VARCHAR(16) NOT NULL,
    chemistry     VARCHAR(32) NOT NULL,
    manufacturer  VARCHAR(80) NOT NULL DEFAULT '',
    model         VARCHAR(80) NOT NULL DEFAULT '',
    capacity_ah   DOUBLE,
    description   VARCHAR(2000) NOT NULL DEFAULT '',
    version       BIGINT NOT NULL DEFAULT 0,
    once_token    VARCHAR(32) UNIQUE,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL DEFAULT 0,
    retired_at_us BIGINT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- While a place is taken the two columns called live_* hold its keys, afterwards NULL: so no cell is in two places, and no
-- place holds two cells, whoever writes.
CREATE TABLE IF NOT EXISTS cell_place (
    cell_place_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    cell_id       BIGINT NOT NULL,
    battery_id    BIGINT NOT NULL,
    position      BIGINT NOT NULL,
    from_us       BIGINT NOT NULL,
    to_us         BIGINT,
    live_cell     BIGINT UNIQUE,
    live_position BIGINT,
    reason        VARCHAR(500) NOT NULL DEFAULT '',
    UNIQUE KEY cell_place_live (battery_id, live_position),
    KEY cell_place_cell (cell_id, from_us),
    KEY cell_place_battery (battery_id, position, from_us)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS battery_photo (
    battery_id   BIGINT NOT NULL PRIMARY KEY,
    content_type VARCHAR(32) NOT NULL,
    content      MEDIUMBLOB NOT NULL,
    stored_at_us BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Batteries of before got no limits for the current and for the single cell: they get what is usual. Done twice, it changes
-- nothing.
UPDATE battery
SET cell_voltage_min_v = voltage_min_v / cells_series, cell_voltage_max_v = voltage_max_v / cells_series,
    current_min_a = -2.0 * capacity_ah, current_max_a = capacity_ah
WHERE cell_voltage_min_v = 0 AND cell_voltage_max_v = 0 AND current_min_a = 0 AND current_max_a = 0;
