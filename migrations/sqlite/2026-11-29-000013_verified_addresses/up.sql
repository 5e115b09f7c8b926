-- Since when an e-mail address is verified: it belongs to the owner of the account, so that links and one-time codes may be
-- sent to it. The addresses that exist were set by administrators or imported, and count as verified.
ALTER TABLE users ADD COLUMN email_verified_at TIMESTAMP;
ALTER TABLE client_users ADD COLUMN email_verified_at TIMESTAMP;
UPDATE users SET email_verified_at = updated_at WHERE email IS NOT NULL;
UPDATE client_users SET email_verified_at = updated_at WHERE email IS NOT NULL;

-- Links that people request themselves: `reset` sets a password, `email` changes the e-mail address. `email` is the address
-- that a link was mailed to, and which its use verifies.
CREATE TABLE one_time_links (
    token_hash TEXT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('first_administrator', 'password', 'reset', 'email')),
    user_type TEXT CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP,
    email TEXT
) WITHOUT ROWID;
INSERT INTO one_time_links (token_hash, purpose, user_type, user_seq, created_at, expires_at, used_at)
SELECT token_hash, purpose, user_type, user_seq, created_at, expires_at, used_at FROM set_up_links;
DROP TABLE set_up_links;
ALTER TABLE one_time_links RENAME TO set_up_links;
CREATE INDEX set_up_links_account ON set_up_links (user_type, user_seq);
CREATE INDEX set_up_links_expires_at ON set_up_links (expires_at);
