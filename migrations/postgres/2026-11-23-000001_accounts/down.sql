DROP TABLE client_users;
DROP TABLE users;
