-- The endpoints that events are sent to. `events` holds the names of the event types with one space in between. The secrets
-- are encrypted under the master key; until `previous_until` events are signed with the previous one too.
CREATE TABLE webhook_endpoints (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    previous_secret TEXT,
    previous_until TIMESTAMP,
    is_active BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- Each event for each endpoint that wants it, inserted in the transaction of the event. `account` is such as `user:7`. While
-- a row is waiting, `due_at` is the time of its next attempt; during an attempt it is the end of the lease of the instance
-- that makes the attempt. There is no foreign key: an endpoint that is deleted must not fail the transaction of an event.
CREATE TABLE webhook_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    endpoint_id BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    account TEXT,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts BIGINT NOT NULL,
    due_at TIMESTAMP NOT NULL,
    retry_until TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL,
    attempted_at TIMESTAMP,
    reason TEXT,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_account ON webhook_deliveries (endpoint_id, account, id) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (endpoint_id, state, id) WHERE state = 'dead';
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_expires_at ON webhook_deliveries (expires_at);
