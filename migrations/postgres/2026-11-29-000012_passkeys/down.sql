DROP TABLE passkey_challenges;
DROP TABLE passkey_handles;
DROP TABLE passkeys;
