CREATE TABLE password_links (
    token_hash TEXT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('first_administrator', 'password')),
    user_type TEXT CHECK (user_type IN ('user', 'client')),
    user_seq BIGINT,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);
INSERT INTO password_links (token_hash, purpose, user_type, user_seq, created_at, expires_at, used_at)
SELECT token_hash, purpose, user_type, user_seq, created_at, expires_at, used_at FROM set_up_links
WHERE purpose IN ('first_administrator', 'password');
DROP TABLE set_up_links;
ALTER TABLE password_links RENAME TO set_up_links;
CREATE INDEX set_up_links_account ON set_up_links (user_type, user_seq);
CREATE INDEX set_up_links_expires_at ON set_up_links (expires_at);

ALTER TABLE client_users DROP COLUMN email_verified_at;
ALTER TABLE users DROP COLUMN email_verified_at;
