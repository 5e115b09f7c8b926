DROP TABLE otp_deliveries;
DROP TABLE otp_challenges;
