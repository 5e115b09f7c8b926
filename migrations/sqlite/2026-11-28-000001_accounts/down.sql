DROP TRIGGER client_users_search_update;
DROP TRIGGER client_users_search_delete;
DROP TRIGGER client_users_search_insert;
DROP TRIGGER users_search_update;
DROP TRIGGER users_search_delete;
DROP TRIGGER users_search_insert;
DROP TABLE client_users_search;
DROP TABLE users_search;
-- The rest is the same for both databases.
DROP TABLE client_users;
DROP TABLE users;
