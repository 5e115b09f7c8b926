-- What an import wrote into an account when it last wrote it, as a JSON object: a later import changes only what the
-- source has changed since, and leaves alone what was changed here. Tokens that Django issued to the account until
-- `tokens_not_before` are refused: it logged out everywhere, or its password changed. `source` is `django:` and the table
-- of the site, or `file`: another source does not change the account, and only Django's accounts have its tokens.
CREATE TABLE imported_accounts (
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    source TEXT NOT NULL,
    fields TEXT NOT NULL,
    imported_at TIMESTAMP NOT NULL,
    tokens_not_before TIMESTAMP,
    PRIMARY KEY (user_type, user_seq)
) WITHOUT ROWID;

-- Refresh tokens and sliding tokens that Django issued. One that is neither blacklisted nor exchanged can be exchanged
-- once: `session_id` is the session that began then.
CREATE TABLE django_tokens (
    jti TEXT PRIMARY KEY NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    blacklisted_at TIMESTAMP,
    session_id TEXT
) WITHOUT ROWID;
-- The flush deletes the expired ones; the checklist looks for the last one.
CREATE INDEX django_tokens_expires_at ON django_tokens (expires_at);
