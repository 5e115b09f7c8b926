-- The administrators' panel: who is signed in to it, how each wants it, links to set a password by, and what was done.

-- A browser's session, known by the hash of its cookie alone. `expires_at` is its idle end, never beyond the absolute one.
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

-- One-time links: to make the first administrator, or to set the password of one account. Only the hash is stored.
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

-- What was done to whom, by whom, from where. Rows are added and never changed. Names stand as they were then; `changes`
-- is a JSON array of fields with their old and new values, without secrets; `search_text` is what a search looks through.
CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    happened_at TIMESTAMP NOT NULL,
    door TEXT NOT NULL,
    actor_type TEXT,
    actor_seq BIGINT,
    actor_name TEXT,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    subject_type TEXT,
    subject_seq BIGINT,
    subject_name TEXT,
    changes TEXT NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    request_id TEXT,
    search_text TEXT NOT NULL
);

-- Each filter of the record is walked in the order of time.
CREATE INDEX audit_events_happened_at ON audit_events (happened_at, id);
CREATE INDEX audit_events_action ON audit_events (action, happened_at, id);
CREATE INDEX audit_events_door ON audit_events (door, happened_at, id);
CREATE INDEX audit_events_actor ON audit_events (actor_type, actor_seq, happened_at, id);
CREATE INDEX audit_events_subject ON audit_events (subject_type, subject_seq, happened_at, id);
CREATE INDEX audit_events_subject_name ON audit_events (subject_name);

-- Work that goes on in the background. One flush runs at a time: the unique index is what sees to it.
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
    seen_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
) WITHOUT ROWID;

CREATE UNIQUE INDEX jobs_one_flush ON jobs (kind) WHERE kind = 'flush' AND state = 'running';
CREATE INDEX jobs_started_at ON jobs (started_at);

-- What became of the one-time codes that were sent: never the code, and of the recipient only a mask.
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
