-- What is to be told outside of the pages: a row per alarm and way, kept until it is delivered or given up.
CREATE TABLE IF NOT EXISTS notice (
    notice_id     BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    alarm_id      BIGINT NOT NULL,
    way           VARCHAR(16) NOT NULL,
    state         VARCHAR(16) NOT NULL DEFAULT 'queued',
    created_at_us BIGINT NOT NULL,
    due_at_us     BIGINT NOT NULL,
    attempts      BIGINT NOT NULL DEFAULT 0,
    sent_at_us    BIGINT,
    reason        VARCHAR(255) NOT NULL DEFAULT '',
    UNIQUE KEY notice_once (alarm_id, way),
    KEY notice_due (state, due_at_us)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
