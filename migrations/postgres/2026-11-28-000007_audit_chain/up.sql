-- The MAC of each audit event, written together with the event, and, once the event is linked, its position in the
-- audit chain and the MAC that links it to the event at the position before.
CREATE TABLE audit_chain_links (
    event_id BIGINT PRIMARY KEY NOT NULL,
    event_mac TEXT NOT NULL,
    position BIGINT,
    link_mac TEXT
);
CREATE UNIQUE INDEX audit_chain_links_position ON audit_chain_links (position);
CREATE INDEX audit_chain_links_pending ON audit_chain_links (event_id) WHERE position IS NULL;

-- Both ends of the chain, in one row. `base_link_mac` is the link MAC before the first position: older events were
-- pruned. Events up to `backfill_end_id` existed before the chain was started again; those up to `backfilled_id` have got
-- their MACs so far. `mac` is the MAC of this row; it is empty until the first event is linked.
CREATE TABLE audit_chain (
    id BIGINT PRIMARY KEY NOT NULL,
    first_position BIGINT NOT NULL,
    base_link_mac TEXT NOT NULL,
    last_position BIGINT NOT NULL,
    last_link_mac TEXT NOT NULL,
    backfilled_id BIGINT NOT NULL,
    backfill_end_id BIGINT NOT NULL,
    mac TEXT NOT NULL
);
INSERT INTO audit_chain (id, first_position, base_link_mac, last_position, last_link_mac, backfilled_id, backfill_end_id, mac)
VALUES (1, 1, '', 0, '', 0, 0, '');
