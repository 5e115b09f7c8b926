-- When the owner of a session last proved who they are, and by which methods (the claims `auth_time` and `amr`, words with
-- spaces in between). NULL if it is not known: the session began before this migration or with a token of Django.
ALTER TABLE sessions ADD COLUMN authenticated_at TIMESTAMP;
ALTER TABLE sessions ADD COLUMN amr TEXT;
-- The same for the panel, where NULL means the time of the sign-in.
ALTER TABLE browser_sessions ADD COLUMN authenticated_at TIMESTAMP;

-- The authenticator app of an account. `sealed_secret` is encrypted under a key derived from the master key. Before
-- `confirmed_at` it is not asked for. `last_used_step` is the time step of the last accepted code: neither it nor an
-- earlier one is accepted again.
CREATE TABLE totp_factors (
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    sealed_secret TEXT NOT NULL,
    last_used_step BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    confirmed_at TIMESTAMP,
    PRIMARY KEY (user_type, user_seq)
) WITHOUT ROWID;

-- Recovery codes, as hashes. A used one stays until new ones replace all of them.
CREATE TABLE recovery_codes (
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    code_hash TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP,
    PRIMARY KEY (user_type, user_seq, code_hash)
) WITHOUT ROWID;

-- Logins whose first step succeeded, by the hash of their secret. `method` is that of the first step. With `is_set_up` the
-- account has no second factor yet and must set one up to continue.
CREATE TABLE second_factor_challenges (
    id_hash TEXT PRIMARY KEY NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('login', 'panel')),
    is_set_up BOOLEAN NOT NULL,
    method TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE INDEX second_factor_challenges_account ON second_factor_challenges (user_type, user_seq);
CREATE INDEX second_factor_challenges_expires_at ON second_factor_challenges (expires_at);
