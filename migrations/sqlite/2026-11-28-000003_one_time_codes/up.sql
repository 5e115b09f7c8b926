-- One-time codes, as keyed hashes. Only requests for an existing client are stored: the id of any other challenge can be
-- recognised without a row. `requested_by` is the known device or the network that asked for the code.
CREATE TABLE otp_challenges (
    id TEXT PRIMARY KEY NOT NULL,
    user_seq BIGINT NOT NULL,
    requested_by TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
) WITHOUT ROWID;

CREATE INDEX otp_challenges_expires_at ON otp_challenges (expires_at);
CREATE INDEX otp_challenges_client ON otp_challenges (user_seq);

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
) WITHOUT ROWID;

CREATE INDEX otp_deliveries_account ON otp_deliveries (user_seq, delivered_at);
CREATE INDEX otp_deliveries_expires_at ON otp_deliveries (expires_at);
