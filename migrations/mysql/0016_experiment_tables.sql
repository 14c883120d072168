-- Every change of an experiment's state, who caused it and why.
CREATE TABLE IF NOT EXISTS transition (
    transition_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    experiment_id BIGINT NOT NULL,
    at_us         BIGINT NOT NULL,
    from_state    VARCHAR(16),
    to_state      VARCHAR(16) NOT NULL,
    actor         VARCHAR(64) NOT NULL,
    reason        VARCHAR(512) NOT NULL DEFAULT '',
    KEY transition_experiment (experiment_id, transition_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row: the number of the newest change to any experiment. It is raised last in a transaction, so numbers rise in
-- the order of the commits and whoever read up to one has missed nothing before it.
CREATE TABLE IF NOT EXISTS experiment_change (
    experiment_change_id BIGINT NOT NULL PRIMARY KEY,
    seq                  BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
INSERT IGNORE INTO experiment_change (experiment_change_id, seq) VALUES (1, 0);

-- A list somebody comes back to: what it filters and how it sorts, as in the address of the page.
CREATE TABLE IF NOT EXISTS saved_view (
    saved_view_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id       BIGINT NOT NULL,
    name          VARCHAR(80) NOT NULL,
    query         VARCHAR(4000) NOT NULL,
    created_at_us BIGINT NOT NULL,
    UNIQUE KEY saved_view_name (user_id, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
