-- What was or is wrong, who answered, and when it was over. `open_key` names source and code while the alarm is open, so
-- that the same trouble stays one row; it is given up when the alarm is both answered and over.
CREATE TABLE IF NOT EXISTS alarm (
    alarm_id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    open_key           VARCHAR(160) UNIQUE,
    severity           VARCHAR(16) NOT NULL,
    code               VARCHAR(64) NOT NULL,
    message            VARCHAR(255) NOT NULL,
    value              DOUBLE,
    limit_value        DOUBLE,
    experiment_id      BIGINT,
    station_id         BIGINT,
    device_id          VARCHAR(32),
    at_us              BIGINT NOT NULL,
    last_at_us         BIGINT NOT NULL,
    repeat_count       BIGINT NOT NULL DEFAULT 1,
    is_late            BOOLEAN NOT NULL DEFAULT FALSE,
    cleared_at_us      BIGINT,
    acknowledged_at_us BIGINT,
    acknowledged_by    VARCHAR(64) NOT NULL DEFAULT '',
    answer             VARCHAR(512) NOT NULL DEFAULT '',
    KEY alarm_answered (acknowledged_at_us, alarm_id),
    KEY alarm_experiment (experiment_id, alarm_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
