DROP INDEX audit_events_request;
DROP INDEX blacklisted_tokens_ended_at;
