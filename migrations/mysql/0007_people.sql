-- People and programs that sign in. Nothing that opens a door is stored, only hashes of it.
CREATE TABLE IF NOT EXISTS user (
    user_id       BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name          VARCHAR(64) NOT NULL UNIQUE,
    full_name     VARCHAR(128) NOT NULL DEFAULT '',
    role          VARCHAR(16) NOT NULL,
    password_hash VARCHAR(255),
    totp_secret   VARBINARY(64),
    totp_step     BIGINT NOT NULL DEFAULT 0,
    disabled      BOOLEAN NOT NULL DEFAULT 0,
    version       BIGINT NOT NULL DEFAULT 0,
    created_at_us BIGINT NOT NULL,
    sign_in_at_us BIGINT
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One-time codes for somebody whose second factor is lost.
CREATE TABLE IF NOT EXISTS recovery_code (
    user_id     BIGINT NOT NULL,
    code_sha256 BINARY(32) NOT NULL,
    PRIMARY KEY (user_id, code_sha256)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One-time links with which somebody chooses a password.
CREATE TABLE IF NOT EXISTS sign_in_link (
    token_sha256  BINARY(32) NOT NULL PRIMARY KEY,
    user_id       BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS session (
    session_id      BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    token_sha256    BINARY(32) NOT NULL UNIQUE,
    user_id         BIGINT NOT NULL,
    address         VARCHAR(64) NOT NULL,
    agent           VARCHAR(200) NOT NULL,
    created_at_us   BIGINT NOT NULL,
    seen_at_us      BIGINT NOT NULL,
    confirmed_at_us BIGINT NOT NULL,
    KEY session_user (user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS api_token (
    api_token_id  BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    token_sha256  BINARY(32) NOT NULL UNIQUE,
    user_id       BIGINT NOT NULL,
    name          VARCHAR(64) NOT NULL,
    scope         VARCHAR(8) NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    used_at_us    BIGINT,
    revoked_at_us BIGINT,
    KEY api_token_user (user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
