-- Counts of events within a window that ends at `expires_at`, one row for each limited thing (bucket), and the locks of
-- buckets that exceeded their limit. `kind` (what is limited), `user_type` and `subject` (the login name of an account,
-- existing or not, or an IP address) describe the lock for the admin panel. A bucket without a kind is not listed
-- there.
CREATE TABLE rate_limits (
    bucket TEXT PRIMARY KEY NOT NULL,
    kind TEXT,
    user_type TEXT,
    subject TEXT,
    hits BIGINT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    locked_at TIMESTAMP,
    locked_until TIMESTAMP
) WITHOUT ROWID;

CREATE INDEX rate_limits_expires_at ON rate_limits (expires_at);
CREATE INDEX rate_limits_locked_at ON rate_limits (locked_at, bucket) WHERE locked_until IS NOT NULL;
CREATE INDEX rate_limits_subject ON rate_limits (user_type, subject);
