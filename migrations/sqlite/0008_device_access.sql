-- What a broker needs to let a device in, and the entry of the audit log that tells of the last change to its access.
CREATE TABLE IF NOT EXISTS device_access (
    device_id   TEXT NOT NULL PRIMARY KEY,
    broker_hash TEXT NOT NULL,
    audit_id    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS device_access_audit ON device_access (audit_id);

-- Devices that nobody registered and that tried to connect, with hashes of the secret they presented.
CREATE TABLE IF NOT EXISTS pending_device (
    device_id     TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL,
    broker_hash   TEXT NOT NULL,
    address       TEXT NOT NULL,
    first_at_us   INTEGER NOT NULL,
    last_at_us    INTEGER NOT NULL,
    tries         INTEGER NOT NULL,
    PRIMARY KEY (device_id, secret_sha256)
) STRICT, WITHOUT ROWID;
