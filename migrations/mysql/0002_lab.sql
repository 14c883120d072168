-- What is cycled, how, where, and each run of it. Lists of steps are JSON: they are read and written whole.
CREATE TABLE IF NOT EXISTS battery (
    battery_id    BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name          VARCHAR(128) NOT NULL UNIQUE,
    technology    VARCHAR(16) NOT NULL,
    chemistry     VARCHAR(32) NOT NULL DEFAULT '',
    cells_series  BIGINT NOT NULL DEFAULT 1,
    voltage_min_v DOUBLE NOT NULL,
    voltage_max_v DOUBLE NOT NULL,
    capacity_ah   DOUBLE NOT NULL,
    created_at_us BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS profile (
    profile_id    BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name          VARCHAR(128) NOT NULL UNIQUE,
    steps_json    MEDIUMTEXT NOT NULL,
    created_at_us BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS station (
    station_id     BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name           VARCHAR(128) NOT NULL UNIQUE,
    device_id      VARCHAR(32),
    state          VARCHAR(16) NOT NULL DEFAULT 'idle',
    experiment_id  BIGINT,
    step           BIGINT,
    cycle          BIGINT,
    reason         VARCHAR(255) NOT NULL DEFAULT '',
    reported_at_us BIGINT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS experiment (
    experiment_id  BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name           VARCHAR(128) NOT NULL,
    battery_id     BIGINT NOT NULL,
    station_id     BIGINT NOT NULL,
    profile_id     BIGINT NOT NULL,
    state          VARCHAR(16) NOT NULL,
    version        BIGINT NOT NULL DEFAULT 0,
    created_at_us  BIGINT NOT NULL,
    started_at_us  BIGINT,
    finished_at_us BIGINT,
    KEY experiment_station (station_id, state)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
