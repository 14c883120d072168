-- Orders of runs: which commands belong to a run, what a stopped run ends as, why an experiment still waits, and whether a
-- station starts what waits. `live_station_id` and `live_battery_id` are those of a run that was ordered and is not over, nothing
-- before and after: whatever else fails, a station and a battery have one run at a time.
ALTER TABLE outbox ADD COLUMN experiment_id INTEGER;
CREATE INDEX outbox_experiment ON outbox (experiment_id, command_id);
ALTER TABLE experiment ADD COLUMN ends_as TEXT;
ALTER TABLE experiment ADD COLUMN wait_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE experiment ADD COLUMN live_station_id INTEGER;
ALTER TABLE experiment ADD COLUMN live_battery_id INTEGER;
CREATE UNIQUE INDEX experiment_live_station ON experiment (live_station_id);
CREATE UNIQUE INDEX experiment_live_battery ON experiment (live_battery_id);
ALTER TABLE station ADD COLUMN held_by TEXT;
ALTER TABLE station ADD COLUMN held_at_us INTEGER;
ALTER TABLE station ADD COLUMN held_reason TEXT;
