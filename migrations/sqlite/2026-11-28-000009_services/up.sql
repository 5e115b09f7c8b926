-- Services: programs with a secret of their own. The name is the client_id of OAuth 2.0. `secret_hash` is the SHA-256 of
-- the secret in hex. `scopes` holds words with one space in between. Services are few: their list needs no further index.
CREATE TABLE services (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    scopes TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP
);
