-- Trying dead letters again: when somebody asked for it, when it was tried last and how often, since when it is stored. The
-- payload of a stored one is empty: its readings are where all others are.
ALTER TABLE dead_letter
    ADD COLUMN asked_at_us BIGINT,
    ADD COLUMN tried_at_us BIGINT,
    ADD COLUMN tries BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN stored_at_us BIGINT,
    ADD KEY dead_letter_asked (asked_at_us);
