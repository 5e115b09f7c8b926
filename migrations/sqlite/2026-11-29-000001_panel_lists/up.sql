-- The blacklist without rotations, newest first. A refresh does not have to maintain this index.
CREATE INDEX blacklisted_tokens_ended_at ON blacklisted_tokens (blacklisted_at, jti) WHERE reason <> 'rotated';

-- The events of one request.
CREATE INDEX audit_events_request ON audit_events (request_id);
