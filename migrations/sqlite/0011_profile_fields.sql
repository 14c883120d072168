-- Profiles as people write them: the text as typed, what they are for, and a digest that finds the same content again.
ALTER TABLE profile ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE profile ADD COLUMN source_text TEXT NOT NULL DEFAULT '';
ALTER TABLE profile ADD COLUMN content_sha256 BLOB;
ALTER TABLE profile ADD COLUMN retired_at_us INTEGER;
ALTER TABLE profile ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE profile ADD COLUMN once_token TEXT;
ALTER TABLE profile ADD COLUMN updated_at_us INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX IF NOT EXISTS profile_once ON profile (once_token);
CREATE INDEX IF NOT EXISTS profile_content ON profile (content_sha256);
