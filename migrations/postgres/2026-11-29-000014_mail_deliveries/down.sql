ALTER TABLE browser_sessions DROP COLUMN shown_once;

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

INSERT INTO otp_deliveries
SELECT id, user_seq, channel, recipient, state, reason, created_at, expires_at
FROM deliveries
WHERE kind = 'code' AND state <> 'queued';
DROP TABLE deliveries;

CREATE INDEX otp_deliveries_account ON otp_deliveries (user_seq, delivered_at);
CREATE INDEX otp_deliveries_expires_at ON otp_deliveries (expires_at);
