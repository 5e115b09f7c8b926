-- The keys that sign tokens. `private_key` is encrypted under the master key with the id `master_key_id`; that of a
-- revoked key is erased. `public_jwk` is NULL for a secret. `expires_at` is when the last token that a key signed has
-- expired; it is known once the key does not sign any more, and the row is deleted then.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY NOT NULL,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
    private_key TEXT NOT NULL,
    public_jwk TEXT,
    master_key_id TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    published_at TIMESTAMP NOT NULL,
    activated_at TIMESTAMP,
    retired_at TIMESTAMP,
    revoked_at TIMESTAMP,
    expires_at TIMESTAMP
);

-- One key signs at a time.
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (state) WHERE state = 'active';
