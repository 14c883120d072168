-- What a broker needs to let a device in, and the entry of the audit log that tells of the last change to its access.
CREATE TABLE IF NOT EXISTS device_access (
    device_id   VARCHAR(32) NOT NULL PRIMARY KEY,
    broker_hash VARCHAR(255) NOT NULL,
    audit_id    BIGINT NOT NULL,
    KEY device_access_audit (audit_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Devices that nobody registered and that tried to connect, with hashes of the secret they presented.
CREATE TABLE IF NOT EXISTS pending_device (
    device_id     VARCHAR(32) NOT NULL,
    secret_sha256 BINARY(32) NOT NULL,
    broker_hash   VARCHAR(255) NOT NULL,
    address       VARCHAR(64) NOT NULL,
    first_at_us   BIGINT NOT NULL,
    last_at_us    BIGINT NOT NULL,
    tries         BIGINT NOT NULL,
    PRIMARY KEY (device_id, secret_sha256)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
