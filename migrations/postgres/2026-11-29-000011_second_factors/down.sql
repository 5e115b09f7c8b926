DROP TABLE second_factor_challenges;
DROP TABLE recovery_codes;
DROP TABLE totp_factors;
ALTER TABLE browser_sessions DROP COLUMN authenticated_at;
ALTER TABLE sessions DROP COLUMN amr;
ALTER TABLE sessions DROP COLUMN authenticated_at;
