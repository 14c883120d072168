-- What a run was started with: the limits sent to its unit, the sample period and the lease.
ALTER TABLE experiment ADD COLUMN terms_json TEXT;
