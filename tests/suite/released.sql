-- What the last release reads and writes, table by table, with all its columns. It runs as it is on both databases.
-- Between releases this file stays as it is: a change of it means that the last release no longer works on the schema.

INSERT INTO audit_chain (id, first_position, base_link_mac, last_position, last_link_mac, backfilled_id, backfill_end_id, mac) VALUES (7, 7, 'x', 7, 'x', 7, 7, 'x');
UPDATE audit_chain SET first_position = 7, base_link_mac = 'x', last_position = 7, last_link_mac = 'x', backfilled_id = 7, backfill_end_id = 7, mac = 'x' WHERE id = 7;
SELECT id, first_position, base_link_mac, last_position, last_link_mac, backfilled_id, backfill_end_id, mac FROM audit_chain WHERE id = 7;
DELETE FROM audit_chain WHERE id = 7;

INSERT INTO audit_chain_links (event_id, event_mac, position, link_mac) VALUES (7, 'x', 7, 'x');
UPDATE audit_chain_links SET event_mac = 'x', position = 7, link_mac = 'x' WHERE event_id = 7;
UPDATE audit_chain_links SET position = NULL, link_mac = NULL WHERE event_id = 7;
SELECT event_id, event_mac, position, link_mac FROM audit_chain_links WHERE event_id = 7;
DELETE FROM audit_chain_links WHERE event_id = 7;

INSERT INTO audit_events (id, happened_at, source, actor_type, actor_seq, actor_name, action, outcome, subject_type, subject_seq, subject_name, session_id, changes, ip_address, user_agent, request_id, search_text) VALUES (7, '2026-01-01 00:00:00', 'panel', 'x', 7, 'x', 'logged_in', 'done', 'x', 7, 'x', 'x', '[]', 'x', 'x', 'x', 'x');
UPDATE audit_events SET happened_at = '2026-01-01 00:00:00', source = 'panel', actor_type = 'x', actor_seq = 7, actor_name = 'x', action = 'logged_in', outcome = 'done', subject_type = 'x', subject_seq = 7, subject_name = 'x', session_id = 'x', changes = '[]', ip_address = 'x', user_agent = 'x', request_id = 'x', search_text = 'x' WHERE id = 7;
UPDATE audit_events SET actor_type = NULL, actor_seq = NULL, actor_name = NULL, subject_type = NULL, subject_seq = NULL, subject_name = NULL, session_id = NULL, ip_address = NULL, user_agent = NULL, request_id = NULL WHERE id = 7;
SELECT id, happened_at, source, actor_type, actor_seq, actor_name, action, outcome, subject_type, subject_seq, subject_name, session_id, changes, ip_address, user_agent, request_id, search_text FROM audit_events WHERE id = 7;
DELETE FROM audit_events WHERE id = 7;

INSERT INTO audit_outbox (event_id) VALUES (7);
SELECT event_id FROM audit_outbox WHERE event_id = 7;
DELETE FROM audit_outbox WHERE event_id = 7;

INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, successor, blacklisted_at, expires_at) VALUES ('x', 'x', 'user', 7, 'x', 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE blacklisted_tokens SET session_id = 'x', user_type = 'user', user_seq = 7, reason = 'x', successor = 'x', blacklisted_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00' WHERE jti = 'x';
UPDATE blacklisted_tokens SET successor = NULL WHERE jti = 'x';
SELECT jti, session_id, user_type, user_seq, reason, successor, blacklisted_at, expires_at FROM blacklisted_tokens WHERE jti = 'x';
DELETE FROM blacklisted_tokens WHERE jti = 'x';

INSERT INTO browser_sessions (id, token_hash, user_seq, ip_address, user_agent, created_at, last_used_at, expires_at, absolute_expires_at, ended_at, end_reason, authenticated_at, shown_once) VALUES ('x', 'x', 7, 'x', 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'x', '2026-01-01 00:00:00', 'x');
UPDATE browser_sessions SET token_hash = 'x', user_seq = 7, ip_address = 'x', user_agent = 'x', created_at = '2026-01-01 00:00:00', last_used_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00', absolute_expires_at = '2026-01-01 00:00:00', ended_at = '2026-01-01 00:00:00', end_reason = 'x', authenticated_at = '2026-01-01 00:00:00', shown_once = 'x' WHERE id = 'x';
UPDATE browser_sessions SET ip_address = NULL, user_agent = NULL, ended_at = NULL, end_reason = NULL, authenticated_at = NULL, shown_once = NULL WHERE id = 'x';
SELECT id, token_hash, user_seq, ip_address, user_agent, created_at, last_used_at, expires_at, absolute_expires_at, ended_at, end_reason, authenticated_at, shown_once FROM browser_sessions WHERE id = 'x';
DELETE FROM browser_sessions WHERE id = 'x';

INSERT INTO client_users (id, username, username_normalized, external_id, name, name_normalized, email, email_normalized, phone, password_hash, is_active, last_login_at, created_at, updated_at, search_text, claims, email_verified_at) VALUES (7, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', TRUE, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'x', 'x', '2026-01-01 00:00:00');
UPDATE client_users SET username = 'x', username_normalized = 'x', external_id = 'x', name = 'x', name_normalized = 'x', email = 'x', email_normalized = 'x', phone = 'x', password_hash = 'x', is_active = TRUE, last_login_at = '2026-01-01 00:00:00', created_at = '2026-01-01 00:00:00', updated_at = '2026-01-01 00:00:00', search_text = 'x', claims = 'x', email_verified_at = '2026-01-01 00:00:00' WHERE id = 7;
UPDATE client_users SET external_id = NULL, email = NULL, email_normalized = NULL, phone = NULL, password_hash = NULL, last_login_at = NULL, claims = NULL, email_verified_at = NULL WHERE id = 7;
SELECT id, username, username_normalized, external_id, name, name_normalized, email, email_normalized, phone, password_hash, is_active, last_login_at, created_at, updated_at, search_text, claims, email_verified_at FROM client_users WHERE id = 7;
DELETE FROM client_users WHERE id = 7;

INSERT INTO deliveries (id, kind, user_type, user_seq, channel, recipient, state, reason, attempts, created_at, heartbeat_at, finished_at, expires_at) VALUES ('x', 'code', 'user', 7, 'console', 'x', 'sent', 'x', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE deliveries SET kind = 'code', user_type = 'user', user_seq = 7, channel = 'console', recipient = 'x', state = 'sent', reason = 'x', attempts = 7, created_at = '2026-01-01 00:00:00', heartbeat_at = '2026-01-01 00:00:00', finished_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00' WHERE id = 'x';
UPDATE deliveries SET recipient = NULL, reason = NULL, finished_at = NULL WHERE id = 'x';
SELECT id, kind, user_type, user_seq, channel, recipient, state, reason, attempts, created_at, heartbeat_at, finished_at, expires_at FROM deliveries WHERE id = 'x';
DELETE FROM deliveries WHERE id = 'x';

INSERT INTO device_tokens (nonce, user_type, user_seq, issued_at, expires_at, presented_at) VALUES ('x', 'user', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE device_tokens SET user_type = 'user', user_seq = 7, issued_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00', presented_at = '2026-01-01 00:00:00' WHERE nonce = 'x';
UPDATE device_tokens SET presented_at = NULL WHERE nonce = 'x';
SELECT nonce, user_type, user_seq, issued_at, expires_at, presented_at FROM device_tokens WHERE nonce = 'x';
DELETE FROM device_tokens WHERE nonce = 'x';

INSERT INTO django_tokens (jti, user_type, user_seq, expires_at, blacklisted_at, session_id) VALUES ('x', 'user', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'x');
UPDATE django_tokens SET user_type = 'user', user_seq = 7, expires_at = '2026-01-01 00:00:00', blacklisted_at = '2026-01-01 00:00:00', session_id = 'x' WHERE jti = 'x';
UPDATE django_tokens SET blacklisted_at = NULL, session_id = NULL WHERE jti = 'x';
SELECT jti, user_type, user_seq, expires_at, blacklisted_at, session_id FROM django_tokens WHERE jti = 'x';
DELETE FROM django_tokens WHERE jti = 'x';

INSERT INTO imported_accounts (user_type, user_seq, source, fields, imported_at, tokens_not_before) VALUES ('user', 7, 'file', 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE imported_accounts SET source = 'file', fields = 'x', imported_at = '2026-01-01 00:00:00', tokens_not_before = '2026-01-01 00:00:00' WHERE user_type = 'user' AND user_seq = 7;
UPDATE imported_accounts SET tokens_not_before = NULL WHERE user_type = 'user' AND user_seq = 7;
SELECT user_type, user_seq, source, fields, imported_at, tokens_not_before FROM imported_accounts WHERE user_type = 'user' AND user_seq = 7;
DELETE FROM imported_accounts WHERE user_type = 'user' AND user_seq = 7;

INSERT INTO jobs (id, kind, state, started_by, total, done, stop_requested, details, started_at, heartbeat_at, finished_at) VALUES ('x', 'flush', 'running', 'x', 7, 7, TRUE, '{}', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE jobs SET kind = 'flush', state = 'running', started_by = 'x', total = 7, done = 7, stop_requested = TRUE, details = '{}', started_at = '2026-01-01 00:00:00', heartbeat_at = '2026-01-01 00:00:00', finished_at = '2026-01-01 00:00:00' WHERE id = 'x';
UPDATE jobs SET started_by = NULL, finished_at = NULL WHERE id = 'x';
SELECT id, kind, state, started_by, total, done, stop_requested, details, started_at, heartbeat_at, finished_at FROM jobs WHERE id = 'x';
DELETE FROM jobs WHERE id = 'x';

INSERT INTO otp_challenges (id, user_seq, requested_by, code_hash, attempts, created_at, expires_at, used_at) VALUES ('x', 7, 'x', 'x', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE otp_challenges SET user_seq = 7, requested_by = 'x', code_hash = 'x', attempts = 7, created_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00', used_at = '2026-01-01 00:00:00' WHERE id = 'x';
UPDATE otp_challenges SET used_at = NULL WHERE id = 'x';
SELECT id, user_seq, requested_by, code_hash, attempts, created_at, expires_at, used_at FROM otp_challenges WHERE id = 'x';
DELETE FROM otp_challenges WHERE id = 'x';

INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at) VALUES ('x', 'x', 'user', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE outstanding_tokens SET session_id = 'x', user_type = 'user', user_seq = 7, created_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00' WHERE jti = 'x';
SELECT jti, session_id, user_type, user_seq, created_at, expires_at FROM outstanding_tokens WHERE jti = 'x';
DELETE FROM outstanding_tokens WHERE jti = 'x';

INSERT INTO panel_preferences (user_seq, language, theme, time_zone, views) VALUES (7, 'ko', 'dark', 'x', 'x');
UPDATE panel_preferences SET language = 'ko', theme = 'dark', time_zone = 'x', views = 'x' WHERE user_seq = 7;
UPDATE panel_preferences SET language = NULL, time_zone = NULL, views = NULL WHERE user_seq = 7;
SELECT user_seq, language, theme, time_zone, views FROM panel_preferences WHERE user_seq = 7;
DELETE FROM panel_preferences WHERE user_seq = 7;

INSERT INTO passkey_challenges (challenge_hash, expires_at) VALUES ('x', '2026-01-01 00:00:00');
UPDATE passkey_challenges SET expires_at = '2026-01-01 00:00:00' WHERE challenge_hash = 'x';
SELECT challenge_hash, expires_at FROM passkey_challenges WHERE challenge_hash = 'x';
DELETE FROM passkey_challenges WHERE challenge_hash = 'x';

INSERT INTO passkey_handles (handle, user_type, user_seq) VALUES ('x', 'user', 7);
UPDATE passkey_handles SET user_type = 'user', user_seq = 7 WHERE handle = 'x';
SELECT handle, user_type, user_seq FROM passkey_handles WHERE handle = 'x';
DELETE FROM passkey_handles WHERE handle = 'x';

INSERT INTO passkeys (id, user_type, user_seq, credential_id, public_key, sign_count, name, transports, is_backup_eligible, is_backed_up, created_at, last_used_at) VALUES ('x', 'user', 7, 'x', 'x', 7, 'x', 'x', TRUE, TRUE, '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE passkeys SET user_type = 'user', user_seq = 7, credential_id = 'x', public_key = 'x', sign_count = 7, name = 'x', transports = 'x', is_backup_eligible = TRUE, is_backed_up = TRUE, created_at = '2026-01-01 00:00:00', last_used_at = '2026-01-01 00:00:00' WHERE id = 'x';
UPDATE passkeys SET last_used_at = NULL WHERE id = 'x';
SELECT id, user_type, user_seq, credential_id, public_key, sign_count, name, transports, is_backup_eligible, is_backed_up, created_at, last_used_at FROM passkeys WHERE id = 'x';
DELETE FROM passkeys WHERE id = 'x';

INSERT INTO rate_limits (bucket, kind, user_type, subject, hits, expires_at, locked_at, locked_until) VALUES ('x', 'flush', 'user', 'x', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE rate_limits SET kind = 'flush', user_type = 'user', subject = 'x', hits = 7, expires_at = '2026-01-01 00:00:00', locked_at = '2026-01-01 00:00:00', locked_until = '2026-01-01 00:00:00' WHERE bucket = 'x';
UPDATE rate_limits SET kind = NULL, user_type = NULL, subject = NULL, locked_at = NULL, locked_until = NULL WHERE bucket = 'x';
SELECT bucket, kind, user_type, subject, hits, expires_at, locked_at, locked_until FROM rate_limits WHERE bucket = 'x';
DELETE FROM rate_limits WHERE bucket = 'x';

INSERT INTO recovery_codes (user_type, user_seq, code_hash, created_at, used_at) VALUES ('user', 7, 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE recovery_codes SET created_at = '2026-01-01 00:00:00', used_at = '2026-01-01 00:00:00' WHERE user_type = 'user' AND user_seq = 7 AND code_hash = 'x';
UPDATE recovery_codes SET used_at = NULL WHERE user_type = 'user' AND user_seq = 7 AND code_hash = 'x';
SELECT user_type, user_seq, code_hash, created_at, used_at FROM recovery_codes WHERE user_type = 'user' AND user_seq = 7 AND code_hash = 'x';
DELETE FROM recovery_codes WHERE user_type = 'user' AND user_seq = 7 AND code_hash = 'x';

INSERT INTO revocations (id, xact, session_id, user_type, user_seq, reason, revoked_at, expires_at, status_index) VALUES (7, 7, 'x', 'user', 7, 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 7);
UPDATE revocations SET xact = 7, session_id = 'x', user_type = 'user', user_seq = 7, reason = 'x', revoked_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00', status_index = 7 WHERE id = 7;
UPDATE revocations SET session_id = NULL, status_index = NULL WHERE id = 7;
SELECT id, xact, session_id, user_type, user_seq, reason, revoked_at, expires_at, status_index FROM revocations WHERE id = 7;
DELETE FROM revocations WHERE id = 7;

INSERT INTO schema_compatibility (id, oldest_version) VALUES (7, 'x');
UPDATE schema_compatibility SET oldest_version = 'x' WHERE id = 7;
SELECT id, oldest_version FROM schema_compatibility WHERE id = 7;
DELETE FROM schema_compatibility WHERE id = 7;

INSERT INTO second_factor_challenges (id_hash, user_type, user_seq, purpose, is_set_up, method, attempts, created_at, expires_at) VALUES ('x', 'user', 7, 'login', TRUE, 'password', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE second_factor_challenges SET user_type = 'user', user_seq = 7, purpose = 'login', is_set_up = TRUE, method = 'password', attempts = 7, created_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00' WHERE id_hash = 'x';
SELECT id_hash, user_type, user_seq, purpose, is_set_up, method, attempts, created_at, expires_at FROM second_factor_challenges WHERE id_hash = 'x';
DELETE FROM second_factor_challenges WHERE id_hash = 'x';

INSERT INTO services (id, name, description, secret_hash, scopes, is_active, created_at, updated_at, last_used_at) VALUES (7, 'x', 'x', 'x', 'x', TRUE, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE services SET name = 'x', description = 'x', secret_hash = 'x', scopes = 'x', is_active = TRUE, created_at = '2026-01-01 00:00:00', updated_at = '2026-01-01 00:00:00', last_used_at = '2026-01-01 00:00:00' WHERE id = 7;
UPDATE services SET last_used_at = NULL WHERE id = 7;
SELECT id, name, description, secret_hash, scopes, is_active, created_at, updated_at, last_used_at FROM services WHERE id = 7;
DELETE FROM services WHERE id = 7;

INSERT INTO sessions (id, user_type, user_seq, method, ip_address, user_agent, created_at, last_used_at, last_ip_address, last_user_agent, refreshes, expires_at, absolute_expires_at, access_expires_at, access_used_at, ended_at, end_reason, reused_jti, kid, status_index, authenticated_at, amr) VALUES ('x', 'user', 7, 'password', 'x', 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'x', 'x', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'x', 'x', 'x', 7, '2026-01-01 00:00:00', 'x');
UPDATE sessions SET user_type = 'user', user_seq = 7, method = 'password', ip_address = 'x', user_agent = 'x', created_at = '2026-01-01 00:00:00', last_used_at = '2026-01-01 00:00:00', last_ip_address = 'x', last_user_agent = 'x', refreshes = 7, expires_at = '2026-01-01 00:00:00', absolute_expires_at = '2026-01-01 00:00:00', access_expires_at = '2026-01-01 00:00:00', access_used_at = '2026-01-01 00:00:00', ended_at = '2026-01-01 00:00:00', end_reason = 'x', reused_jti = 'x', kid = 'x', status_index = 7, authenticated_at = '2026-01-01 00:00:00', amr = 'x' WHERE id = 'x';
UPDATE sessions SET ip_address = NULL, user_agent = NULL, last_ip_address = NULL, last_user_agent = NULL, refreshes = NULL, access_expires_at = NULL, access_used_at = NULL, ended_at = NULL, end_reason = NULL, reused_jti = NULL, kid = NULL, status_index = NULL, authenticated_at = NULL, amr = NULL WHERE id = 'x';
SELECT id, user_type, user_seq, method, ip_address, user_agent, created_at, last_used_at, last_ip_address, last_user_agent, refreshes, expires_at, absolute_expires_at, access_expires_at, access_used_at, ended_at, end_reason, reused_jti, kid, status_index, authenticated_at, amr FROM sessions WHERE id = 'x';
DELETE FROM sessions WHERE id = 'x';

INSERT INTO set_up_links (token_hash, purpose, user_type, user_seq, created_at, expires_at, used_at, email) VALUES ('x', 'password', 'user', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'x');
UPDATE set_up_links SET purpose = 'password', user_type = 'user', user_seq = 7, created_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00', used_at = '2026-01-01 00:00:00', email = 'x' WHERE token_hash = 'x';
UPDATE set_up_links SET user_type = NULL, user_seq = NULL, used_at = NULL, email = NULL WHERE token_hash = 'x';
SELECT token_hash, purpose, user_type, user_seq, created_at, expires_at, used_at, email FROM set_up_links WHERE token_hash = 'x';
DELETE FROM set_up_links WHERE token_hash = 'x';

INSERT INTO signing_keys (kid, algorithm, state, private_key, public_jwk, master_key_id, created_at, published_at, activated_at, retired_at, revoked_at, expires_at) VALUES ('x', 'HS256', 'active', 'x', 'x', 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE signing_keys SET algorithm = 'HS256', state = 'active', private_key = 'x', public_jwk = 'x', master_key_id = 'x', created_at = '2026-01-01 00:00:00', published_at = '2026-01-01 00:00:00', activated_at = '2026-01-01 00:00:00', retired_at = '2026-01-01 00:00:00', revoked_at = '2026-01-01 00:00:00', expires_at = '2026-01-01 00:00:00' WHERE kid = 'x';
UPDATE signing_keys SET public_jwk = NULL, activated_at = NULL, retired_at = NULL, revoked_at = NULL, expires_at = NULL WHERE kid = 'x';
SELECT kid, algorithm, state, private_key, public_jwk, master_key_id, created_at, published_at, activated_at, retired_at, revoked_at, expires_at FROM signing_keys WHERE kid = 'x';
DELETE FROM signing_keys WHERE kid = 'x';

INSERT INTO status_indexes (id, next_index) VALUES (7, 7);
UPDATE status_indexes SET next_index = 7 WHERE id = 7;
SELECT id, next_index FROM status_indexes WHERE id = 7;
DELETE FROM status_indexes WHERE id = 7;

INSERT INTO totp_factors (user_type, user_seq, sealed_secret, last_used_step, created_at, confirmed_at) VALUES ('user', 7, 'x', 7, '2026-01-01 00:00:00', '2026-01-01 00:00:00');
UPDATE totp_factors SET sealed_secret = 'x', last_used_step = 7, created_at = '2026-01-01 00:00:00', confirmed_at = '2026-01-01 00:00:00' WHERE user_type = 'user' AND user_seq = 7;
UPDATE totp_factors SET confirmed_at = NULL WHERE user_type = 'user' AND user_seq = 7;
SELECT user_type, user_seq, sealed_secret, last_used_step, created_at, confirmed_at FROM totp_factors WHERE user_type = 'user' AND user_seq = 7;
DELETE FROM totp_factors WHERE user_type = 'user' AND user_seq = 7;

INSERT INTO users (id, email, email_normalized, username, username_normalized, external_id, name, name_normalized, role, password_hash, is_active, last_login_at, created_at, updated_at, search_text, claims, email_verified_at) VALUES (7, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', TRUE, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'x', 'x', '2026-01-01 00:00:00');
UPDATE users SET email = 'x', email_normalized = 'x', username = 'x', username_normalized = 'x', external_id = 'x', name = 'x', name_normalized = 'x', role = 'x', password_hash = 'x', is_active = TRUE, last_login_at = '2026-01-01 00:00:00', created_at = '2026-01-01 00:00:00', updated_at = '2026-01-01 00:00:00', search_text = 'x', claims = 'x', email_verified_at = '2026-01-01 00:00:00' WHERE id = 7;
UPDATE users SET username = NULL, username_normalized = NULL, external_id = NULL, password_hash = NULL, last_login_at = NULL, claims = NULL, email_verified_at = NULL WHERE id = 7;
SELECT id, email, email_normalized, username, username_normalized, external_id, name, name_normalized, role, password_hash, is_active, last_login_at, created_at, updated_at, search_text, claims, email_verified_at FROM users WHERE id = 7;
DELETE FROM users WHERE id = 7;

-- Statements that rely on unique indexes.
INSERT INTO rate_limits (bucket, hits, expires_at, kind, user_type, subject) VALUES ('b2', 1, '2026-01-01 00:00:00', 'k', 'user', 's') ON CONFLICT (bucket) DO UPDATE SET hits = rate_limits.hits + 1, expires_at = excluded.expires_at, locked_until = NULL, subject = excluded.subject RETURNING hits, expires_at, locked_until;
INSERT INTO status_indexes (id, next_index) VALUES (1, 64) ON CONFLICT (id) DO UPDATE SET next_index = status_indexes.next_index + excluded.next_index RETURNING next_index;
INSERT INTO panel_preferences (user_seq, language, theme, time_zone) VALUES (2, 'ko', 'dark', 'Asia/Seoul') ON CONFLICT (user_seq) DO UPDATE SET language = excluded.language, theme = excluded.theme, time_zone = excluded.time_zone;
INSERT INTO panel_preferences (user_seq, theme, views) VALUES (2, 'dark', '[]') ON CONFLICT (user_seq) DO UPDATE SET views = excluded.views;
INSERT INTO passkey_handles (handle, user_type, user_seq) VALUES ('h2', 'user', 2) ON CONFLICT (user_type, user_seq) DO NOTHING;
INSERT INTO passkey_challenges (challenge_hash, expires_at) VALUES ('h2', '2026-01-01 00:00:00') ON CONFLICT (challenge_hash) DO NOTHING;
INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at, successor) VALUES ('t2', 's', 'user', 1, 'rotated', '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'u') ON CONFLICT DO NOTHING;
INSERT INTO jobs (id, kind, state, total, done, stop_requested, details, started_at, heartbeat_at) VALUES ('j', 'flush', 'running', 2, 1, FALSE, '{}', '2026-01-01 00:00:00', '2026-01-01 00:00:00') ON CONFLICT DO NOTHING;

-- Inserts that leave out what may be missing.
INSERT INTO users (email, email_normalized, name, name_normalized, role, password_hash, is_active, last_login_at, created_at, updated_at, search_text) VALUES ('Ann@x.org', 'ann@x.org', '앤', '앤', 'admin', NULL, TRUE, NULL, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'ann@x.org');
INSERT INTO client_users (username, username_normalized, name, name_normalized, is_active, created_at, updated_at, search_text) VALUES ('Acme', 'acme', 'Acme', 'acme', TRUE, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'acme');
INSERT INTO sessions (id, user_type, user_seq, method, created_at, last_used_at, expires_at, absolute_expires_at) VALUES ('s', 'user', 1, 'password', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at) VALUES ('t', 's', 'user', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO blacklisted_tokens (jti, session_id, user_type, user_seq, reason, blacklisted_at, expires_at) VALUES ('t', 's', 'user', 1, 'logout', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO otp_challenges (id, user_seq, requested_by, code_hash, attempts, created_at, expires_at) VALUES ('c', 1, 'n', 'x', 0, '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO device_tokens (nonce, user_type, user_seq, issued_at, expires_at, presented_at) VALUES ('n', 'user', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO rate_limits (bucket, hits, expires_at) VALUES ('b', 1, '2026-01-01 00:00:00');
INSERT INTO browser_sessions (id, token_hash, user_seq, created_at, last_used_at, expires_at, absolute_expires_at) VALUES ('b', 'x', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO panel_preferences (user_seq, language, theme) VALUES (1, 'ko', 'dark');
INSERT INTO set_up_links (token_hash, purpose, created_at, expires_at) VALUES ('x', 'first_administrator', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO audit_events (happened_at, source, action, outcome, changes, search_text) VALUES ('2026-01-01 00:00:00', 'panel', 'signed_in', 'done', '[]', '앤');
INSERT INTO deliveries (id, kind, user_type, user_seq, channel, state, attempts, created_at, heartbeat_at, expires_at) VALUES ('d', 'code', 'client', 1, 'console', 'sent', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO audit_chain_links (event_id, event_mac, position, link_mac) VALUES (1, 'm', 1, 's');
INSERT INTO audit_outbox (event_id) VALUES (1);
INSERT INTO revocations (xact, user_type, user_seq, reason, revoked_at, expires_at) VALUES (1, 'user', 1, 'logout', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO services (name, description, secret_hash, scopes, is_active, created_at, updated_at) VALUES ('billing', 'Bills', 'h', 'orders:read', TRUE, '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO signing_keys (kid, algorithm, state, private_key, master_key_id, created_at, published_at) VALUES ('k', 'HS256', 'active', 'x', 'm', '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO imported_accounts (user_type, user_seq, source, fields, imported_at) VALUES ('user', 1, 'file', '{}', '2026-01-01 00:00:00');
INSERT INTO django_tokens (jti, user_type, user_seq, expires_at) VALUES ('t', 'user', 1, '2026-01-01 00:00:00');
INSERT INTO totp_factors (user_type, user_seq, sealed_secret, last_used_step, created_at) VALUES ('user', 1, 'x', 0, '2026-01-01 00:00:00');
INSERT INTO recovery_codes (user_type, user_seq, code_hash, created_at) VALUES ('user', 1, 'x', '2026-01-01 00:00:00');
INSERT INTO second_factor_challenges (id_hash, user_type, user_seq, purpose, is_set_up, method, attempts, created_at, expires_at) VALUES ('x', 'user', 1, 'login', FALSE, 'password', 0, '2026-01-01 00:00:00', '2026-01-01 00:00:00');
INSERT INTO passkeys (id, user_type, user_seq, credential_id, public_key, sign_count, name, transports, is_backup_eligible, is_backed_up, created_at) VALUES ('p', 'user', 1, 'c', 'k', 0, 'Laptop', 'internal', TRUE, FALSE, '2026-01-01 00:00:00');
INSERT INTO passkey_handles (handle, user_type, user_seq) VALUES ('h', 'user', 1);
INSERT INTO passkey_challenges (challenge_hash, expires_at) VALUES ('h', '2026-01-01 00:00:00');
