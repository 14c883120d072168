-- A station is built, changed by a successor and retired. A name is taken while its station is live: `live_name` is the name
-- until then and nothing after. Limits of stations made before are wide open.
ALTER TABLE station
    ADD COLUMN /*M! IF NOT EXISTS */ location          VARCHAR(128) NOT NULL DEFAULT '',
    ADD COLUMN /*M! IF NOT EXISTS */ description       VARCHAR(2000) NOT NULL DEFAULT '',
    ADD COLUMN /*M! IF NOT EXISTS */ is_virtual        BOOLEAN NOT NULL DEFAULT 0,
    ADD COLUMN /*M! IF NOT EXISTS */ voltage_min_v     DOUBLE NOT NULL DEFAULT -1000,
    ADD COLUMN /*M! IF NOT EXISTS */ voltage_max_v     DOUBLE NOT NULL DEFAULT 1000,
    ADD COLUMN /*M! IF NOT EXISTS */ current_min_a     DOUBLE NOT NULL DEFAULT -1000,
    ADD COLUMN /*M! IF NOT EXISTS */ current_max_a     DOUBLE NOT NULL DEFAULT 1000,
    ADD COLUMN /*M! IF NOT EXISTS */ parent_station_id BIGINT,
    ADD COLUMN /*M! IF NOT EXISTS */ created_at_us     BIGINT,
    ADD COLUMN /*M! IF NOT EXISTS */ updated_at_us     BIGINT,
    ADD COLUMN /*M! IF NOT EXISTS */ retired_at_us     BIGINT,
    ADD COLUMN /*M! IF NOT EXISTS */ live_name         VARCHAR(128),
    ADD COLUMN /*M! IF NOT EXISTS */ version           BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN /*M! IF NOT EXISTS */ once_token        VARCHAR(32),
    DROP INDEX /*M! IF EXISTS */ name,
    ADD UNIQUE INDEX /*M! IF NOT EXISTS */ station_live_name (live_name),
    ADD UNIQUE INDEX /*M! IF NOT EXISTS */ station_once (once_token),
    ADD INDEX /*M! IF NOT EXISTS */ station_parent (parent_station_id);
UPDATE station SET live_name = name WHERE retired_at_us IS NULL AND live_name IS NULL;
