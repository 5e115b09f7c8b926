-- The extension stays: other schemas may use it.
DROP INDEX IF EXISTS client_users_search;
DROP INDEX IF EXISTS users_search;
-- The rest is the same for both databases.
DROP TABLE client_users;
DROP TABLE users;
