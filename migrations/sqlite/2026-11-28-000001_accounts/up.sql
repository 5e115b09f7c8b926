-- Internal users and external clients. Their ids overlap: an account is identified by its user type and its id
-- together. Columns ending in _normalized hold the text trimmed, in NFKC and in lower case (SQL's lower() knows only
-- ASCII on SQLite). Comparisons and orders use them. `role` is a name of the configuration. `external_id` is the id that
-- another system knows the account by. `search_text` holds all texts that an account is searched by, in
-- lower case and decomposed. `claims` is a JSON object with the claims of the account's own.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    email TEXT,
    email_normalized TEXT UNIQUE,
    username TEXT,
    username_normalized TEXT UNIQUE,
    external_id TEXT UNIQUE,
    name TEXT NOT NULL,
    name_normalized TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT,
    is_active BOOLEAN NOT NULL,
    last_login_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    search_text TEXT NOT NULL,
    claims TEXT,
    CHECK (email_normalized IS NOT NULL OR username_normalized IS NOT NULL)
);

CREATE TABLE client_users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    username TEXT NOT NULL,
    username_normalized TEXT NOT NULL UNIQUE,
    external_id TEXT UNIQUE,
    name TEXT NOT NULL,
    name_normalized TEXT NOT NULL,
    email TEXT,
    email_normalized TEXT,
    phone TEXT,
    password_hash TEXT,
    is_active BOOLEAN NOT NULL,
    last_login_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    search_text TEXT NOT NULL,
    claims TEXT
);

-- One index for each order and each filter of the lists.
CREATE INDEX users_name ON users (name_normalized, id);
CREATE INDEX users_role ON users (role, id);
CREATE INDEX users_is_active ON users (is_active, id);
CREATE INDEX users_created_at ON users (created_at, id);
CREATE INDEX client_users_name ON client_users (name_normalized, id);
CREATE INDEX client_users_is_active ON client_users (is_active, id);
CREATE INDEX client_users_created_at ON client_users (created_at, id);

-- A user logs in by e-mail address or username. The login name is the address if there is one.
CREATE INDEX users_login ON users (COALESCE(email_normalized, username_normalized), id);

-- An account without a log-in sorts as if its last log-in was in 1970: without this the databases disagree on the order
-- of NULL, and one index could not serve both directions.
CREATE INDEX users_last_login ON users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id);
CREATE INDEX client_users_last_login ON client_users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id);

-- Few accounts are inactive. These indexes hold only them, one for each order, and cost a log-in nothing: an account
-- that logs in is active.
CREATE INDEX users_inactive_created_at ON users (created_at, id) WHERE NOT is_active;
CREATE INDEX users_inactive_last_login ON users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id) WHERE NOT is_active;
CREATE INDEX users_inactive_login ON users (COALESCE(email_normalized, username_normalized), id) WHERE NOT is_active;
CREATE INDEX users_inactive_name ON users (name_normalized, id) WHERE NOT is_active;
CREATE INDEX client_users_inactive_created_at ON client_users (created_at, id) WHERE NOT is_active;
CREATE INDEX client_users_inactive_last_login ON client_users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id) WHERE NOT is_active;
CREATE INDEX client_users_inactive_login ON client_users (username_normalized, id) WHERE NOT is_active;
CREATE INDEX client_users_inactive_name ON client_users (name_normalized, id) WHERE NOT is_active;

-- The rest differs between the databases.
-- FTS5's trigram index stores only the terms; triggers keep it in step with the table.
CREATE VIRTUAL TABLE users_search USING fts5(search_text, content = 'users', content_rowid = 'id', tokenize = 'trigram');
CREATE VIRTUAL TABLE client_users_search USING fts5(search_text, content = 'client_users', content_rowid = 'id', tokenize = 'trigram');

CREATE TRIGGER users_search_insert AFTER INSERT ON users BEGIN
    INSERT INTO users_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER users_search_delete AFTER DELETE ON users BEGIN
    INSERT INTO users_search (users_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
END;
CREATE TRIGGER users_search_update AFTER UPDATE OF search_text ON users WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO users_search (users_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
    INSERT INTO users_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER client_users_search_insert AFTER INSERT ON client_users BEGIN
    INSERT INTO client_users_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER client_users_search_delete AFTER DELETE ON client_users BEGIN
    INSERT INTO client_users_search (client_users_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
END;
CREATE TRIGGER client_users_search_update AFTER UPDATE OF search_text ON client_users WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO client_users_search (client_users_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
    INSERT INTO client_users_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
