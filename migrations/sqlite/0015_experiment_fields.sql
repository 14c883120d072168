-- What people say of an experiment, the steps it was queued with, its place in the queue, and where it came from.
ALTER TABLE experiment ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE experiment ADD COLUMN tags_json TEXT NOT NULL DEFAULT '[]';
ALTER TABLE experiment ADD COLUMN electrolytes_json TEXT;
ALTER TABLE experiment ADD COLUMN steps_json TEXT;
ALTER TABLE experiment ADD COLUMN queue_position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE experiment ADD COLUMN parent_experiment_id INTEGER;
ALTER TABLE experiment ADD COLUMN added_by TEXT NOT NULL DEFAULT '';
ALTER TABLE experiment ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE experiment ADD COLUMN once_token TEXT;
ALTER TABLE experiment ADD COLUMN updated_at_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE experiment ADD COLUMN change_seq INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX experiment_once ON experiment (once_token);
CREATE INDEX experiment_newest ON experiment (change_seq, experiment_id);
CREATE INDEX experiment_battery ON experiment (battery_id);
CREATE INDEX experiment_profile ON experiment (profile_id);
