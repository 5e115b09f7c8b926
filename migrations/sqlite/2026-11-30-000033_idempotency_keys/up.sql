-- Requests of services with an `Idempotency-Key`, until it may be used again. Caller and key, and the request, are stored
-- as MACs. `answer` is NULL while the request is running; after `locked_until` its process counts as killed.
CREATE TABLE idempotency_keys (
    key_mac TEXT PRIMARY KEY NOT NULL,
    request_mac TEXT NOT NULL,
    answer TEXT,
    locked_until TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
