-- A browser's session in the admin panel, found by the hash of its cookie. `expires_at` is the end by inactivity, at
-- most `absolute_expires_at`.
CREATE TABLE browser_sessions (
    id TEXT PRIMARY KEY NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    user_seq BIGINT NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    created_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    absolute_expires_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    end_reason TEXT
) WITHOUT ROWID;

CREATE INDEX browser_sessions_account ON browser_sessions (user_seq);
CREATE INDEX browser_sessions_expires_at ON browser_sessions (expires_at);

CREATE TABLE panel_preferences (
    user_seq BIGINT PRIMARY KEY NOT NULL,
    language TEXT,
    theme TEXT NOT NULL,
    time_zone TEXT
);

-- One-time links that create the first administrator or set the password of one account. Only the hash is stored.
CREATE TABLE set_up_links (
    token_hash TEXT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('first_administrator', 'password')),
    user_type TEXT CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
) WITHOUT ROWID;

CREATE INDEX set_up_links_account ON set_up_links (user_type, user_seq);
CREATE INDEX set_up_links_expires_at ON set_up_links (expires_at);

-- Background jobs. `heartbeat_at` is updated while a job runs; a job with an old heartbeat counts as failed.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'failed')),
    started_by TEXT,
    total BIGINT NOT NULL,
    done BIGINT NOT NULL,
    stop_requested BOOLEAN NOT NULL,
    details TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    heartbeat_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
) WITHOUT ROWID;

-- At most one flush runs at a time.
CREATE UNIQUE INDEX jobs_one_flush ON jobs (kind) WHERE kind = 'flush' AND state = 'running';
CREATE INDEX jobs_started_at ON jobs (started_at);
