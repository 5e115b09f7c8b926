-- The oldest version of munjigi that works on this schema: one row, id 1. A migration that older versions do not work with
-- sets it to the first version that does.
CREATE TABLE schema_compatibility (
    id BIGINT PRIMARY KEY NOT NULL,
    oldest_version TEXT NOT NULL
);
INSERT INTO schema_compatibility (id, oldest_version) VALUES (1, '0.1.0');
