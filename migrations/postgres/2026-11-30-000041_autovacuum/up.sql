-- Autovacuum of Postgres runs when a share of a table's rows is dead, by default a fifth: in large tables these are more rows
-- than fit into its memory, and it reads all indexes several times. So it runs earlier on the tables that grow largest.
-- The rest differs between the databases.
ALTER TABLE outstanding_tokens SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE blacklisted_tokens SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE sessions SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE audit_events SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE audit_chain_links SET (autovacuum_vacuum_scale_factor = 0.02);
