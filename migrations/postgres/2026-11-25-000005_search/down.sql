-- The extension stays: others may use it.
DROP INDEX audit_events_search;
DROP INDEX client_users_search;
DROP INDEX users_search;
-- From here on back as on both.
DROP INDEX blacklisted_tokens_reason;
DROP INDEX blacklisted_tokens_blacklisted_at;
DROP INDEX client_users_last_login;
DROP INDEX users_last_login;
DROP INDEX client_users_created_at;
DROP INDEX client_users_is_active;
DROP INDEX client_users_name;
DROP INDEX users_created_at;
DROP INDEX users_is_active;
DROP INDEX users_role;
DROP INDEX users_name;
ALTER TABLE client_users DROP COLUMN search_text;
ALTER TABLE users DROP COLUMN search_text;
