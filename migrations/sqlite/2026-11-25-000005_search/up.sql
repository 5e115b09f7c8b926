-- Lists stay quick at a million rows: each order that the panel offers has an index that it walks, each filter that may be
-- rare has one that finds its few rows, and a part of a name or an address is found by its runs of three characters.

-- What a person is searched by, in one text (decomposed, lower case; see store/search.rs). Nothing: not written yet; the
-- server fills it in at its start.
ALTER TABLE users ADD COLUMN search_text TEXT;
ALTER TABLE client_users ADD COLUMN search_text TEXT;

CREATE INDEX users_name ON users (name_normalized, id);
CREATE INDEX users_role ON users (role, id);
CREATE INDEX users_is_active ON users (is_active, id);
CREATE INDEX users_created_at ON users (created_at, id);
CREATE INDEX client_users_name ON client_users (name_normalized, id);
CREATE INDEX client_users_is_active ON client_users (is_active, id);
CREATE INDEX client_users_created_at ON client_users (created_at, id);

-- Who never logged in stands where 1970 would: so both databases agree on the order, and the index serves both directions.
CREATE INDEX users_last_login ON users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id);
CREATE INDEX client_users_last_login ON client_users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id);

-- The blacklist by time; and its few rows that no rotation made, which cost a refresh nothing.
CREATE INDEX blacklisted_tokens_blacklisted_at ON blacklisted_tokens (blacklisted_at, jti);
CREATE INDEX blacklisted_tokens_reason ON blacklisted_tokens (reason, blacklisted_at, jti) WHERE reason <> 'rotated';

-- From here on each database has its own way.
-- FTS5's trigram index holds the terms alone; the text is the table's. Triggers keep it in step.
CREATE VIRTUAL TABLE users_search USING fts5(search_text, content = 'users', content_rowid = 'id', tokenize = 'trigram');
CREATE VIRTUAL TABLE client_users_search USING fts5(search_text, content = 'client_users', content_rowid = 'id', tokenize = 'trigram');

CREATE VIRTUAL TABLE audit_events_search USING fts5(search_text, content = 'audit_events', content_rowid = 'id', tokenize = 'trigram');
INSERT INTO audit_events_search (audit_events_search) VALUES ('rebuild');

CREATE TRIGGER audit_events_search_insert AFTER INSERT ON audit_events BEGIN
    INSERT INTO audit_events_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER audit_events_search_delete AFTER DELETE ON audit_events BEGIN
    INSERT INTO audit_events_search (audit_events_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
END;
CREATE TRIGGER users_search_insert AFTER INSERT ON users WHEN new.search_text IS NOT NULL BEGIN
    INSERT INTO users_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER users_search_delete AFTER DELETE ON users WHEN old.search_text IS NOT NULL BEGIN
    INSERT INTO users_search (users_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
END;
CREATE TRIGGER users_search_update AFTER UPDATE OF search_text ON users WHEN old.search_text IS NOT new.search_text BEGIN
    INSERT INTO users_search (users_search, rowid, search_text)
        SELECT 'delete', old.id, old.search_text WHERE old.search_text IS NOT NULL;
    INSERT INTO users_search (rowid, search_text) SELECT new.id, new.search_text WHERE new.search_text IS NOT NULL;
END;
CREATE TRIGGER client_users_search_insert AFTER INSERT ON client_users WHEN new.search_text IS NOT NULL BEGIN
    INSERT INTO client_users_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER client_users_search_delete AFTER DELETE ON client_users WHEN old.search_text IS NOT NULL BEGIN
    INSERT INTO client_users_search (client_users_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
END;
CREATE TRIGGER client_users_search_update AFTER UPDATE OF search_text ON client_users WHEN old.search_text IS NOT new.search_text BEGIN
    INSERT INTO client_users_search (client_users_search, rowid, search_text)
        SELECT 'delete', old.id, old.search_text WHERE old.search_text IS NOT NULL;
    INSERT INTO client_users_search (rowid, search_text) SELECT new.id, new.search_text WHERE new.search_text IS NOT NULL;
END;
