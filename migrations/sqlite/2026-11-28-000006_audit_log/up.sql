-- Audit events: who did what to whom, when, and from where. Rows are inserted and never updated. Names are those at the
-- time of the event. `source` is the interface that was used. `changes` is a JSON array of fields with their old and
-- new values, without secrets. `session_id` is the session in which something was done, or to which it was done.
CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    happened_at TIMESTAMP NOT NULL,
    source TEXT NOT NULL,
    actor_type TEXT,
    actor_seq BIGINT,
    actor_name TEXT,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    subject_type TEXT,
    subject_seq BIGINT,
    subject_name TEXT,
    session_id TEXT,
    changes TEXT NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    request_id TEXT,
    search_text TEXT NOT NULL
);

-- One index for each filter of the list, in the order of time. The chart of log-ins per day is counted by that of
-- actions.
CREATE INDEX audit_events_happened_at ON audit_events (happened_at, id);
CREATE INDEX audit_events_action ON audit_events (action, happened_at, id);
CREATE INDEX audit_events_source ON audit_events (source, happened_at, id);
CREATE INDEX audit_events_actor ON audit_events (actor_type, actor_seq, happened_at, id);
CREATE INDEX audit_events_subject ON audit_events (subject_type, subject_seq, happened_at, id);
CREATE INDEX audit_events_subject_name ON audit_events (subject_name);
CREATE INDEX audit_events_session ON audit_events (session_id, happened_at, id);

-- Events that a command has written and a server has not logged yet.
CREATE TABLE audit_outbox (
    event_id BIGINT PRIMARY KEY NOT NULL
) WITHOUT ROWID;

-- The rest differs between the databases.
-- FTS5's trigram index stores only the terms; triggers keep it in step with the table.
CREATE VIRTUAL TABLE audit_events_search USING fts5(search_text, content = 'audit_events', content_rowid = 'id', tokenize = 'trigram');

CREATE TRIGGER audit_events_search_insert AFTER INSERT ON audit_events BEGIN
    INSERT INTO audit_events_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER audit_events_search_delete AFTER DELETE ON audit_events BEGIN
    INSERT INTO audit_events_search (audit_events_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
END;
