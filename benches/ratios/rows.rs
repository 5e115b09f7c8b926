//! Many tokens in a database, inserted by SQL.

use diesel::connection::SimpleConnection;

use crate::{Result, database::Database};

/// Tokens of a hundred thousand sessions in turn, one a second, half of them blacklisted. Ids begin with the time and end with
/// digits.
const TOKENS: &str = "
    INSERT INTO outstanding_tokens (jti, session_id, user_type, user_seq, created_at, expires_at)
    SELECT {id}, {session}, 'user', n % 100000 + 1, {time}, {time} FROM {numbers};
    INSERT INTO blacklisted_tokens
        (jti, session_id, user_type, user_seq, reason, successor, blacklisted_at, expires_at)
    SELECT jti, session_id, user_type, user_seq, 'rotated', jti, created_at, expires_at FROM outstanding_tokens
    WHERE user_seq % 2 = 0 AND created_at = expires_at;";

/// Creates the tables and fills them with tokens that expire at one a second from a time on.
pub fn fill(database: &Database, tokens: i64, first_expiry: i64) -> Result<()> {
    let (id, session, time, numbers) = match database {
        Database::Sqlite(_) => (
            "printf('%012x%020d', ({first} + n) * 1000, abs(random()))",
            "printf('%012x%020d', n % 100000, 0)",
            "datetime({first} + n, 'unixepoch')",
            "(WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
             SELECT n FROM numbers)",
        ),
        Database::Postgres(_) => (
            "lpad(to_hex(({first} + n) * 1000), 12, '0') || lpad((random() * 9e18)::bigint::text, 20, '0')",
            "lpad(to_hex(n % 100000), 12, '0') || lpad('0', 20, '0')",
            "to_timestamp({first} + n) AT TIME ZONE 'UTC'",
            "generate_series(0::bigint, {last}) AS numbers(n)",
        ),
    };
    let statements = TOKENS
        .replace("{id}", id)
        .replace("{session}", session)
        .replace("{time}", time)
        .replace("{numbers}", numbers)
        .replace("{first}", &first_expiry.to_string())
        .replace("{last}", &(tokens - 1).to_string());
    let mut connection = database.migrate()?;
    connection.batch_execute(&format!("BEGIN; {statements} COMMIT;"))?;
    // Otherwise the database would write these rows to the disk during the measurement.
    let last: &[&str] = match database {
        Database::Sqlite(_) => &["PRAGMA wal_checkpoint(TRUNCATE)"],
        Database::Postgres(_) => &["VACUUM ANALYZE", "CHECKPOINT"],
    };
    for statement in last {
        connection.batch_execute(statement)?;
    }
    Ok(())
}
