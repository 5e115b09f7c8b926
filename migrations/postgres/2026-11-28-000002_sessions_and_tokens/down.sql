DROP TABLE status_indexes;
DROP TABLE revocations;
DROP TABLE blacklisted_tokens;
DROP TABLE outstanding_tokens;
DROP TABLE sessions;
