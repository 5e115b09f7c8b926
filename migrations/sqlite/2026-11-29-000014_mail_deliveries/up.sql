-- Each code, link and notice that is sent to an account: never its text, and only a masked recipient. `id` is that of the
-- code's challenge, or the hash of the link. While a message is queued, the instance that sends it updates
-- `heartbeat_at`; a queued message with an old heartbeat was lost when its instance stopped.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    channel TEXT NOT NULL,
    recipient TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    reason TEXT,
    attempts BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    heartbeat_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

INSERT INTO deliveries
SELECT id, 'code', 'client', user_seq, channel, recipient, outcome, reason, 1, delivered_at, delivered_at, delivered_at,
    expires_at
FROM otp_deliveries;
DROP TABLE otp_deliveries;

CREATE INDEX deliveries_account ON deliveries (user_type, user_seq, created_at);
CREATE INDEX deliveries_expires_at ON deliveries (expires_at);
CREATE INDEX deliveries_queued ON deliveries (heartbeat_at) WHERE state = 'queued';

-- What the next page of the session shows once, encrypted under the master key.
ALTER TABLE browser_sessions ADD COLUMN shown_once TEXT;
