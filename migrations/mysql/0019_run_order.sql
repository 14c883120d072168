-- Orders of runs: which commands belong to a run, what a stopped run ends as, why an experiment still waits, and whether a
-- station starts what waits. `live_station_id` and `live_battery_id` are those of a run that was ordered and is not over, nothing
-- before and after: whatever else fails, a station and a battery have one run at a time.
ALTER TABLE outbox
    ADD COLUMN experiment_id BIGINT,
    ADD KEY outbox_experiment (experiment_id, command_id);
ALTER TABLE experiment
    ADD COLUMN ends_as VARCHAR(16),
    ADD COLUMN wait_reason VARCHAR(512) NOT NULL DEFAULT '',
    ADD COLUMN live_station_id BIGINT,
    ADD COLUMN live_battery_id BIGINT,
    ADD UNIQUE KEY experiment_live_station (live_station_id),
    ADD UNIQUE KEY experiment_live_battery (live_battery_id);
ALTER TABLE station
    ADD COLUMN held_by VARCHAR(64),
    ADD COLUMN held_at_us BIGINT,
    ADD COLUMN held_reason VARCHAR(512);
