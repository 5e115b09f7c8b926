-- A session is a family of tokens: one login, its refresh tokens in a line, and their access tokens.
-- Only refresh tokens are booked (by jti, never by their text); a row leaves when its token has expired.
-- `expires_at` of a session is the expiry of its newest refresh token, never beyond `absolute_expires_at`.
-- There is no foreign key to the accounts (two tables share the columns) nor from token to session (the flush takes
-- each table in its own small batches): the store's functions write them together.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    method TEXT NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    created_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    absolute_expires_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    end_reason TEXT
);

CREATE INDEX sessions_account ON sessions (user_type, user_seq);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE outstanding_tokens (
    jti TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX outstanding_tokens_session ON outstanding_tokens (session_id);
CREATE INDEX outstanding_tokens_expires_at ON outstanding_tokens (expires_at);

CREATE TABLE blacklisted_tokens (
    jti TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    reason TEXT NOT NULL,
    blacklisted_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX blacklisted_tokens_expires_at ON blacklisted_tokens (expires_at);
