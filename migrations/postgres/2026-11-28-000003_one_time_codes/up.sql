-- One-time codes, as keyed hashes. A challenge for an unknown username has no user_seq and no valid code. It is stored
-- all the same, so that neither the response nor its time shows whether the client exists.
CREATE TABLE otp_challenges (
    id TEXT PRIMARY KEY NOT NULL,
    username_normalized TEXT NOT NULL,
    user_seq BIGINT,
    code_hash TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);

CREATE INDEX otp_challenges_expires_at ON otp_challenges (expires_at);
CREATE INDEX otp_challenges_username ON otp_challenges (username_normalized);

-- The result of sending each code: never the code, and only a masked recipient.
CREATE TABLE otp_deliveries (
    id TEXT PRIMARY KEY NOT NULL,
    user_seq BIGINT NOT NULL,
    channel TEXT NOT NULL,
    recipient TEXT,
    outcome TEXT NOT NULL CHECK (outcome IN ('sent', 'failed')),
    reason TEXT,
    delivered_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX otp_deliveries_account ON otp_deliveries (user_seq, delivered_at);
CREATE INDEX otp_deliveries_expires_at ON otp_deliveries (expires_at);
