-- The page of an account reads the newest events of chosen actions, however many other events the account has. The index
-- also finds all events of an account, so that the one in the order of time is not needed.
DROP INDEX audit_events_subject;
CREATE INDEX audit_events_subject_action ON audit_events (subject_type, subject_seq, action, happened_at, id);

-- The events of one job are found by its request. The list without them reads only the others.
CREATE INDEX audit_events_job ON audit_events (request_id, happened_at, id) WHERE source = 'job';
CREATE INDEX audit_events_without_jobs ON audit_events (happened_at, id) WHERE source <> 'job';
