-- Lists that are filtered and ordered at once, where the filter takes a small part of the rows: each such order has an index
-- of that part alone, so that the list is walked and nothing is passed over. They are no burden for whoever logs in or
-- refreshes: accounts that log in are active, and a rotation blacklists as 'rotated'.
CREATE INDEX users_inactive_created_at ON users (created_at, id) WHERE NOT is_active;
CREATE INDEX users_inactive_last_login ON users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id) WHERE NOT is_active;
CREATE INDEX users_inactive_login ON users (email_normalized) WHERE NOT is_active;
CREATE INDEX users_inactive_name ON users (name_normalized, id) WHERE NOT is_active;
CREATE INDEX client_users_inactive_created_at ON client_users (created_at, id) WHERE NOT is_active;
CREATE INDEX client_users_inactive_last_login ON client_users (COALESCE(last_login_at, '1970-01-01 00:00:00'), id) WHERE NOT is_active;
CREATE INDEX client_users_inactive_login ON client_users (username_normalized) WHERE NOT is_active;
CREATE INDEX client_users_inactive_name ON client_users (name_normalized, id) WHERE NOT is_active;
CREATE INDEX blacklisted_tokens_ended ON blacklisted_tokens (jti) WHERE reason <> 'rotated';
CREATE INDEX blacklisted_tokens_ended_of ON blacklisted_tokens (user_type, jti) WHERE reason <> 'rotated';
CREATE INDEX blacklisted_tokens_reason_of ON blacklisted_tokens (reason, user_type, blacklisted_at, jti) WHERE reason <> 'rotated';
