-- Messages nobody could use, byte for byte, to be looked at and tried again.
CREATE TABLE IF NOT EXISTS dead_letter (
    dead_letter_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    device_id      VARCHAR(32) NOT NULL,
    received_at_us BIGINT NOT NULL,
    topic          VARCHAR(512) NOT NULL,
    reason         VARCHAR(512) NOT NULL,
    payload        MEDIUMBLOB NOT NULL,
    KEY dead_letter_device (device_id, received_at_us)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Per device and day: what was kept, and what was only counted because the day's share was used up.
CREATE TABLE IF NOT EXISTS dead_letter_day (
    device_id   VARCHAR(32) NOT NULL,
    day         BIGINT NOT NULL,
    kept_bytes  BIGINT NOT NULL,
    kept_count  BIGINT NOT NULL,
    over_count  BIGINT NOT NULL,
    PRIMARY KEY (device_id, day)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
