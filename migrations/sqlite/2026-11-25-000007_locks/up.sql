-- A bucket that has had enough is locked. What the panel shows of it: what is limited (kind), for whom (an account by its
-- population and the name it logs in by, existing or not, or an address alone), since when and until when. A bucket without a
-- kind counts, but is no lock that anybody has to know of.
ALTER TABLE rate_limits ADD COLUMN kind TEXT;
ALTER TABLE rate_limits ADD COLUMN user_type TEXT;
ALTER TABLE rate_limits ADD COLUMN subject TEXT;
ALTER TABLE rate_limits ADD COLUMN locked_at TIMESTAMP;
ALTER TABLE rate_limits ADD COLUMN locked_until TIMESTAMP;

-- The list of the locks, and all buckets of an account when its lock is lifted.
CREATE INDEX rate_limits_locked_at ON rate_limits (locked_at, bucket) WHERE locked_until IS NOT NULL;
CREATE INDEX rate_limits_subject ON rate_limits (user_type, subject);
