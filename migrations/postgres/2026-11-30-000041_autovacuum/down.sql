ALTER TABLE audit_chain_links RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE audit_events RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE sessions RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE blacklisted_tokens RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
ALTER TABLE outstanding_tokens RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
-- The rest is the same for both databases.
