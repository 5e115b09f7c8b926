-- The extension stays: other schemas may use it.
DROP INDEX client_users_search;
DROP INDEX users_search;
-- The rest is the same for both databases.
DROP TABLE client_users;
DROP TABLE users;
