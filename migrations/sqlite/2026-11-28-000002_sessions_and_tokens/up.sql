-- A session is one login: its chain of refresh tokens and the access tokens issued with them (a token family).
-- There are no foreign keys: user_seq refers to one of two tables, and the flush deletes expired rows of each table in
-- small batches of its own.
--
-- `expires_at` is the expiry of the newest refresh token, at most `absolute_expires_at`. `access_expires_at` is the
-- expiry of the newest access token. `access_used_at` is the issue time of the newest access token that was used.
-- `reused_jti` is the refresh token that was used twice and so ended the session. `refreshes` is NULL before the first
-- one. `kid` is the signing key of the newest refresh token; NULL if it is not known. `status_index` is the session's
-- place in the status lists (see `status_indexes`). It is NULL if the session got none, or if its access tokens were
-- revoked without ending it: the next refresh sets a new one.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    method TEXT NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    created_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP NOT NULL,
    last_ip_address TEXT,
    last_user_agent TEXT,
    refreshes BIGINT,
    expires_at TIMESTAMP NOT NULL,
    absolute_expires_at TIMESTAMP NOT NULL,
    access_expires_at TIMESTAMP,
    access_used_at TIMESTAMP,
    ended_at TIMESTAMP,
    end_reason TEXT,
    reused_jti TEXT,
    kid TEXT,
    status_index BIGINT
) WITHOUT ROWID;

CREATE INDEX sessions_account ON sessions (user_type, user_seq);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
-- Ended sessions stay until their tokens have expired; lists and limits read only the others.
CREATE INDEX sessions_live_account ON sessions (user_type, user_seq) WHERE ended_at IS NULL;

-- Issued refresh tokens, by their id (the text of a token is not stored), until they expire.
CREATE TABLE outstanding_tokens (
    jti TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE INDEX outstanding_tokens_session ON outstanding_tokens (session_id);
CREATE INDEX outstanding_tokens_expires_at ON outstanding_tokens (expires_at);

-- Refresh tokens that are refused although they have not expired. `successor` is the token that a rotated one was
-- exchanged for: a retry within the grace period gets the same one again.
CREATE TABLE blacklisted_tokens (
    jti TEXT PRIMARY KEY NOT NULL,
    session_id TEXT NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    reason TEXT NOT NULL,
    successor TEXT,
    blacklisted_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE INDEX blacklisted_tokens_blacklisted_at ON blacklisted_tokens (blacklisted_at, jti);
CREATE INDEX blacklisted_tokens_expires_at ON blacklisted_tokens (expires_at);
-- The few rows that no rotation created. A refresh does not have to maintain these indexes.
CREATE INDEX blacklisted_tokens_ended ON blacklisted_tokens (jti) WHERE reason <> 'rotated';
CREATE INDEX blacklisted_tokens_ended_of ON blacklisted_tokens (user_type, jti) WHERE reason <> 'rotated';
CREATE INDEX blacklisted_tokens_reason ON blacklisted_tokens (reason, blacklisted_at, jti) WHERE reason <> 'rotated';
CREATE INDEX blacklisted_tokens_reason_of ON blacklisted_tokens (reason, user_type, blacklisted_at, jti) WHERE reason <> 'rotated';

-- Revocation events: every instance reads them, so that it refuses revoked access tokens without a query for each
-- request. With a session_id that session has ended; without one, the access tokens of the account or service issued
-- before `revoked_at` are revoked, or (by `reason`) only its row has changed. `status_index` is the place in the status
-- lists that is marked by the event, if any. A row expires with the last access token it concerns. `xact` is the id of
-- the writing transaction on Postgres, where rows can be committed in another
-- order than that of their ids: a reader uses it to find rows that were committed late.
CREATE TABLE revocations (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    xact BIGINT NOT NULL,
    session_id TEXT,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client', 'service')),
    user_seq BIGINT NOT NULL,
    reason TEXT NOT NULL,
    revoked_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    status_index BIGINT
);

CREATE INDEX revocations_xact ON revocations (xact);
CREATE INDEX revocations_account ON revocations (user_type, user_seq);
CREATE INDEX revocations_expires_at ON revocations (expires_at);

-- The first index of the status lists that no session has got, in one row. Instances take the indexes in blocks and never
-- give one back, so an index belongs to one session for ever.
CREATE TABLE status_indexes (
    id BIGINT PRIMARY KEY NOT NULL,
    next_index BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO status_indexes (id, next_index) VALUES (1, 0);
