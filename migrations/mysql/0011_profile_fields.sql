-- Profiles as people write them: the text as typed, what they are for, and a digest that finds the same content again.
-- One statement, so that it happens as a whole or not at all.
ALTER TABLE profile
    ADD COLUMN description VARCHAR(2000) NOT NULL DEFAULT '',
    ADD COLUMN source_text MEDIUMTEXT NOT NULL DEFAULT (''),
    ADD COLUMN content_sha256 BINARY(32),
    ADD COLUMN retired_at_us BIGINT,
    ADD COLUMN version BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN once_token VARCHAR(32),
    ADD COLUMN updated_at_us BIGINT NOT NULL DEFAULT 0,
    ADD UNIQUE INDEX profile_once (once_token),
    ADD INDEX profile_content (content_sha256);
