-- What people say of an experiment, the steps it was queued with, its place in the queue, and where it came from.
ALTER TABLE experiment
    ADD COLUMN description VARCHAR(2000) NOT NULL DEFAULT '',
    ADD COLUMN tags_json VARCHAR(1000) NOT NULL DEFAULT '[]',
    ADD COLUMN electrolytes_json VARCHAR(2000),
    ADD COLUMN steps_json MEDIUMTEXT,
    ADD COLUMN queue_position BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN parent_experiment_id BIGINT,
    ADD COLUMN added_by VARCHAR(64) NOT NULL DEFAULT '',
    ADD COLUMN reason VARCHAR(512) NOT NULL DEFAULT '',
    ADD COLUMN once_token VARCHAR(32),
    ADD COLUMN updated_at_us BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN change_seq BIGINT NOT NULL DEFAULT 0,
    ADD UNIQUE KEY experiment_once (once_token),
    ADD KEY experiment_newest (change_seq, experiment_id),
    ADD KEY experiment_battery (battery_id),
    ADD KEY experiment_profile (profile_id);
