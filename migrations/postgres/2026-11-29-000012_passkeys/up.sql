-- Passkeys (Web Authentication credentials) of accounts. `credential_id` and `public_key` (a COSE key) are base64url,
-- `transports` words separated by commas. `sign_count` is the last signature counter; 0 where the authenticator has none.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    credential_id TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL,
    sign_count BIGINT NOT NULL,
    name TEXT NOT NULL,
    transports TEXT NOT NULL,
    is_backup_eligible BOOLEAN NOT NULL,
    is_backed_up BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP
);

CREATE INDEX passkeys_account ON passkeys (user_type, user_seq);

-- What authenticators call an account: random, the same for all of its passkeys.
CREATE TABLE passkey_handles (
    handle TEXT PRIMARY KEY NOT NULL,
    user_type TEXT NOT NULL CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT NOT NULL,
    UNIQUE (user_type, user_seq)
);

-- Hashes of the challenges that were answered, until they would have expired: each is answered once.
CREATE TABLE passkey_challenges (
    challenge_hash TEXT PRIMARY KEY NOT NULL,
    expires_at TIMESTAMP NOT NULL
);

CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at);
