DROP INDEX rate_limits_subject;
DROP INDEX rate_limits_locked_at;
ALTER TABLE rate_limits DROP COLUMN locked_until;
ALTER TABLE rate_limits DROP COLUMN locked_at;
ALTER TABLE rate_limits DROP COLUMN subject;
ALTER TABLE rate_limits DROP COLUMN user_type;
ALTER TABLE rate_limits DROP COLUMN kind;
