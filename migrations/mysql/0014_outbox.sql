-- What devices are told to do: written with the change it follows from, sent until it is answered or has expired.
CREATE TABLE IF NOT EXISTS outbox (
    command_id     BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    device_id      VARCHAR(32) NOT NULL,
    verb           VARCHAR(32) NOT NULL,
    payload_json   MEDIUMTEXT NOT NULL,
    state          VARCHAR(16) NOT NULL DEFAULT 'queued',
    asked_by       VARCHAR(64) NOT NULL,
    created_at_us  BIGINT NOT NULL,
    expires_at_us  BIGINT,
    sent_at_us     BIGINT,
    sent_count     BIGINT NOT NULL DEFAULT 0,
    answered_at_us BIGINT,
    reason         VARCHAR(255) NOT NULL DEFAULT '',
    result_json    MEDIUMTEXT,
    KEY outbox_state (state, command_id),
    KEY outbox_device (device_id, verb, command_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
