-- How often a session was refreshed; none is never.
ALTER TABLE sessions ADD COLUMN refreshes BIGINT;

-- In which session something was done, or to which.
ALTER TABLE audit_events ADD COLUMN session_id TEXT;
CREATE INDEX audit_events_session ON audit_events (session_id, happened_at, id);

-- The mark of each event by whoever wrote it, and, once it is sealed, its place in the chain and its seal.
CREATE TABLE audit_seals (
    event_id BIGINT PRIMARY KEY NOT NULL,
    mark TEXT NOT NULL,
    position BIGINT,
    seal TEXT
);
CREATE UNIQUE INDEX audit_seals_position ON audit_seals (position);
CREATE INDEX audit_seals_waiting ON audit_seals (event_id) WHERE position IS NULL;

-- The two ends of the chain, in one row. Events up to `adopt_to` are from before there was a chain, and are taken into it
-- up to `adopted` so far.
CREATE TABLE audit_chain (
    id BIGINT PRIMARY KEY NOT NULL,
    first_position BIGINT NOT NULL,
    base_seal TEXT NOT NULL,
    last_position BIGINT NOT NULL,
    last_seal TEXT NOT NULL,
    adopted BIGINT NOT NULL,
    adopt_to BIGINT NOT NULL,
    mark TEXT NOT NULL
);
INSERT INTO audit_chain (id, first_position, base_seal, last_position, last_seal, adopted, adopt_to, mark)
SELECT 1, 1, '', 0, '', 0, COALESCE(MAX(id), 0), '' FROM audit_events;
