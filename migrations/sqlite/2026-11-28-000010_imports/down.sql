DROP TABLE django_tokens;
DROP TABLE imported_accounts;
