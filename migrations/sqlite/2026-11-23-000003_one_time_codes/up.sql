-- One-time codes, as keyed hashes. A challenge for a client that does not exist has no user_seq and no right code; it is
-- stored all the same, so that neither the answer nor its time tells.
-- rate_limits counts events per bucket (what is limited, and for whom) within a window that ends at expires_at.
CREATE TABLE otp_challenges (
    id TEXT PRIMARY KEY NOT NULL,
    username_normalized TEXT NOT NULL,
    user_seq BIGINT,
    code_hash TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
) WITHOUT ROWID;

CREATE INDEX otp_challenges_expires_at ON otp_challenges (expires_at);
CREATE INDEX otp_challenges_username ON otp_challenges (username_normalized);

CREATE TABLE rate_limits (
    bucket TEXT PRIMARY KEY NOT NULL,
    hits BIGINT NOT NULL,
    expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE INDEX rate_limits_expires_at ON rate_limits (expires_at);
