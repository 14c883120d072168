-- People and programs that sign in. Nothing that opens a door is stored, only hashes of it.
CREATE TABLE IF NOT EXISTS user (
    user_id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    full_name     TEXT NOT NULL DEFAULT '',
    role          TEXT NOT NULL,
    password_hash TEXT,
    totp_secret   BLOB,
    totp_step     INTEGER NOT NULL DEFAULT 0,
    disabled      INTEGER NOT NULL DEFAULT 0,
    version       INTEGER NOT NULL DEFAULT 0,
    created_at_us INTEGER NOT NULL,
    sign_in_at_us INTEGER
) STRICT;

-- One-time codes for somebody whose second factor is lost.
CREATE TABLE IF NOT EXISTS recovery_code (
    user_id     INTEGER NOT NULL,
    code_sha256 BLOB NOT NULL,
    PRIMARY KEY (user_id, code_sha256)
) STRICT, WITHOUT ROWID;

-- One-time links with which somebody chooses a password.
CREATE TABLE IF NOT EXISTS sign_in_link (
    token_sha256  BLOB NOT NULL PRIMARY KEY,
    user_id       INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS session (
    session_id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    token_sha256    BLOB NOT NULL UNIQUE,
    user_id         INTEGER NOT NULL,
    address         TEXT NOT NULL,
    agent           TEXT NOT NULL,
    created_at_us   INTEGER NOT NULL,
    seen_at_us      INTEGER NOT NULL,
    confirmed_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS session_user ON session (user_id);

CREATE TABLE IF NOT EXISTS api_token (
    api_token_id  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    token_sha256  BLOB NOT NULL UNIQUE,
    user_id       INTEGER NOT NULL,
    name          TEXT NOT NULL,
    scope         TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL,
    used_at_us    INTEGER,
    revoked_at_us INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS api_token_user ON api_token (user_id);
