-- Two accounts on MariaDB: one that changes tables (`cellar migrate`), one that the server runs with. The server's account
-- cannot change the shape of the database, nor edit or remove an entry of the audit log.
--
-- Run as the database's administrator with two passwords of your own, then:
--   cellar migrate --database-url mysql://cellar_migrate:…@host:3306/cellar
--   run this file again (the rights on single tables need the tables to exist)
--   cellar serve with database.url = mysql://cellar:…@host:3306/cellar
CREATE DATABASE IF NOT EXISTS cellar;
CREATE USER IF NOT EXISTS cellar_migrate IDENTIFIED BY 'change-me-1';
CREATE USER IF NOT EXISTS cellar IDENTIFIED BY 'change-me-2';
GRANT ALL ON cellar.* TO cellar_migrate;

GRANT SELECT, INSERT ON cellar.* TO cellar;

-- Everything but `audit` may be changed. A test compares this list with the tables.
GRANT UPDATE, DELETE ON cellar.alarm TO cellar;
GRANT UPDATE, DELETE ON cellar.api_token TO cellar;
GRANT UPDATE, DELETE ON cellar.archive_keep TO cellar;
GRANT UPDATE, DELETE ON cellar.archive_object TO cellar;
GRANT UPDATE, DELETE ON cellar.audit_head TO cellar;
GRANT UPDATE, DELETE ON cellar.battery TO cellar;
GRANT UPDATE, DELETE ON cellar.battery_photo TO cellar;
GRANT UPDATE, DELETE ON cellar.block TO cellar;
GRANT UPDATE, DELETE ON cellar.boot_clock TO cellar;
GRANT UPDATE, DELETE ON cellar.cell TO cellar;
GRANT UPDATE, DELETE ON cellar.cell_place TO cellar;
GRANT UPDATE, DELETE ON cellar.column_set TO cellar;
GRANT UPDATE, DELETE ON cellar.dead_letter TO cellar;
GRANT UPDATE, DELETE ON cellar.dead_letter_day TO cellar;
GRANT UPDATE, DELETE ON cellar.device TO cellar;
GRANT UPDATE, DELETE ON cellar.device_access TO cellar;
GRANT UPDATE, DELETE ON cellar.experiment TO cellar;
GRANT UPDATE, DELETE ON cellar.import TO cellar;
GRANT UPDATE, DELETE ON cellar.instrument TO cellar;
GRANT UPDATE, DELETE ON cellar.instrument_presence TO cellar;
GRANT UPDATE, DELETE ON cellar.experiment_change TO cellar;
GRANT UPDATE, DELETE ON cellar.latest TO cellar;
GRANT UPDATE, DELETE ON cellar.lease TO cellar;
GRANT UPDATE, DELETE ON cellar.notice TO cellar;
GRANT UPDATE, DELETE ON cellar.outbox TO cellar;
GRANT UPDATE, DELETE ON cellar.pending_device TO cellar;
GRANT UPDATE, DELETE ON cellar.profile TO cellar;
GRANT UPDATE, DELETE ON cellar.recovery_code TO cellar;
GRANT UPDATE, DELETE ON cellar.saved_view TO cellar;
GRANT UPDATE, DELETE ON cellar.sealed_rows TO cellar;
GRANT UPDATE, DELETE ON cellar.server TO cellar;
GRANT UPDATE, DELETE ON cellar.session TO cellar;
GRANT UPDATE, DELETE ON cellar.sign_in_link TO cellar;
GRANT UPDATE, DELETE ON cellar.station TO cellar;
GRANT UPDATE, DELETE ON cellar.station_instrument TO cellar;
GRANT UPDATE, DELETE ON cellar.station_measure TO cellar;
GRANT UPDATE, DELETE ON cellar.stream TO cellar;
GRANT UPDATE, DELETE ON cellar.stream_archive TO cellar;
GRANT UPDATE, DELETE ON cellar.stream_seal TO cellar;
GRANT UPDATE, DELETE ON cellar.transition TO cellar;
GRANT UPDATE, DELETE ON cellar.user TO cellar;
