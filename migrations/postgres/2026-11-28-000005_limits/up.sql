-- Counts of events within a window that ends at `expires_at`, one row for each limited thing (bucket), and the locks of
-- buckets that exceeded their limit. `kind` (what is limited), `user_type` and `subject` (the login name of an account,
-- the keyed hash of a name that no account has, or a network) describe the lock for the admin panel. A bucket without a kind is not listed
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
);

CREATE INDEX rate_limits_expires_at ON rate_limits (expires_at);
CREATE INDEX rate_limits_locked_at ON rate_limits (locked_at, bucket) WHERE locked_until IS NOT NULL;
CREATE INDEX rate_limits_subject ON rate_limits (user_type, subject);

-- The device tokens of each account that are still valid. A token is no credential: it gives attempts from a known device
-- a count of their own. `presented_at` is the last login with it; NULL if there was none since the one that issued it.
CREATE TABLE device_tokens (
    nonce TEXT PRIMARY KEY NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    issued_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    presented_at TIMESTAMP
);

CREATE INDEX device_tokens_account ON device_tokens (user_type, user_seq);
CREATE INDEX device_tokens_expires_at ON device_tokens (expires_at);
