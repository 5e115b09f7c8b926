SELECT 1;
-- The rest is the same for both databases.
