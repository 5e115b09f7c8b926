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
-- pg_trgm comes with Postgres and is trusted: the owner of the database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX users_search ON users USING gin (search_text gin_trgm_ops);
CREATE INDEX client_users_search ON client_users USING gin (search_text gin_trgm_ops);
CREATE INDEX audit_events_search ON audit_events USING gin (search_text gin_trgm_ops);
