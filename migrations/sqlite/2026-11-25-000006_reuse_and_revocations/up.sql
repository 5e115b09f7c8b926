-- A stolen refresh token is noticed, and what is revoked is told to every instance.

-- `successor`: the token that a used one was exchanged for; a repeat within the grace window gets the same again.
ALTER TABLE blacklisted_tokens ADD COLUMN successor TEXT;

-- Who used a session last, until when its newest access token lives (none: from before this was written down), when the
-- newest access token was issued that has been used, and the refresh token that came again and ended it.
ALTER TABLE sessions ADD COLUMN last_ip_address TEXT;
ALTER TABLE sessions ADD COLUMN last_user_agent TEXT;
ALTER TABLE sessions ADD COLUMN access_expires_at TIMESTAMP;
ALTER TABLE sessions ADD COLUMN access_used_at TIMESTAMP;
ALTER TABLE sessions ADD COLUMN reused_jti TEXT;

-- An account's ended sessions stay until their tokens have expired; what is asked about is those that live.
CREATE INDEX sessions_live_account ON sessions (user_type, user_seq) WHERE ended_at IS NULL;

-- What every instance must know to refuse access tokens without asking: a session that ended, or an account none of whose
-- tokens from before `revoked_at` is good any more; or only that an account's row changed. A row may go when the last
-- access token that it speaks of has expired. `xact` is the number of the writing transaction on Postgres: numbers are
-- handed out in one order and committed in another, and by it nobody who reads the news misses a row that came late.
CREATE TABLE revocations (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    xact BIGINT NOT NULL,
    session_id TEXT,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    reason TEXT NOT NULL,
    revoked_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX revocations_xact ON revocations (xact);
CREATE INDEX revocations_account ON revocations (user_type, user_seq);
CREATE INDEX revocations_expires_at ON revocations (expires_at);
