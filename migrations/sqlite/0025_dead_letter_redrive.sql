-- Trying dead letters again: when somebody asked for it, when it was tried last and how often, since when it is stored. The
-- payload of a stored one is empty: its readings are where all others are.
ALTER TABLE dead_letter ADD COLUMN asked_at_us INTEGER;
ALTER TABLE dead_letter ADD COLUMN tried_at_us INTEGER;
ALTER TABLE dead_letter ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letter ADD COLUMN stored_at_us INTEGER;
CREATE INDEX dead_letter_asked ON dead_letter (asked_at_us);
