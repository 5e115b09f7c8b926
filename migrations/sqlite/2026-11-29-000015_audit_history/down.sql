DROP INDEX audit_events_without_jobs;
DROP INDEX audit_events_job;
DROP INDEX audit_events_subject_action;
CREATE INDEX audit_events_subject ON audit_events (subject_type, subject_seq, happened_at, id);
