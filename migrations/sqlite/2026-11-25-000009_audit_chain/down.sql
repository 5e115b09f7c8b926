DROP TABLE audit_chain;
DROP TABLE audit_seals;
DROP INDEX audit_events_session;
ALTER TABLE audit_events DROP COLUMN session_id;
ALTER TABLE sessions DROP COLUMN refreshes;
