DROP TABLE rate_limits;
DROP TABLE otp_challenges;
