-- Autovacuum of Postgres runs when a share of a table's rows is dead, by default a fifth: in large tables these are more rows
-- than fit into its memory, and it reads all indexes several times. So it runs earlier on the tables that grow largest.
-- The rest differs between the databases.
-- SQLite has no autovacuum of dead rows: it reuses the space of deleted rows at once.
SELECT 1;
