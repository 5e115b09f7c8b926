DROP TABLE device_tokens;
DROP TABLE rate_limits;
