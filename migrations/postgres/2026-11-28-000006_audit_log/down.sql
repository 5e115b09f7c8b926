DROP INDEX IF EXISTS audit_events_search;
-- The rest is the same for both databases.
DROP TABLE audit_outbox;
DROP TABLE audit_events;
