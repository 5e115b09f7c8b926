DROP TABLE revocations;

DROP INDEX sessions_live_account;
ALTER TABLE sessions DROP COLUMN reused_jti;
ALTER TABLE sessions DROP COLUMN access_used_at;
ALTER TABLE sessions DROP COLUMN access_expires_at;
ALTER TABLE sessions DROP COLUMN last_user_agent;
ALTER TABLE sessions DROP COLUMN last_ip_address;

ALTER TABLE blacklisted_tokens DROP COLUMN successor;
