//! Batches of a flush: at most as many rows as the limit, the oldest first, whatever the expiries are.

use diesel::connection::SimpleConnection;
use munjigi::{
    clock::Timestamp,
    store::{
        Db,
        flush::{ExpiringTable, delete_expired},
    },
};

use super::number;
use crate::support::TestDatabase;

/// The expiries in seconds: alone, two and many at the same time, and again alone.
fn expiries() -> impl Iterator<Item = i64> {
    (1..=10).chain([20, 20]).chain([30; 25]).chain(41..=53)
}

/// Rows that expire at 51 s or before are deleted.
const CUTOFF: i64 = 51;

fn insert(connection: &mut Db, table: ExpiringTable, expiry: i64) {
    let time = |seconds: i64| {
        Timestamp::from_unix_micros(seconds * 1_000_000)
            .naive_utc()
            .to_string()
    };
    let (at, rows) = (
        time(expiry),
        number(
            connection,
            &format!("SELECT COUNT(*) AS number FROM {table}"),
        ),
    );
    let values = match table {
        ExpiringTable::OutstandingTokens => format!(
            "(jti, session_id, user_type, user_seq, created_at, expires_at) \
             VALUES ('{}', 'old', 'user', 1, '{at}', '{at}')",
            // Not in the order of the expiries.
            rows * 7 % 50
        ),
        // With a number as the key.
        ExpiringTable::Revocations => format!(
            "(xact, user_type, user_seq, reason, revoked_at, expires_at) \
             VALUES (1, 'user', 1, 'logout', '{at}', '{at}')"
        ),
        _ => format!(
            "(id, kind, state, total, done, stop_requested, details, started_at, heartbeat_at) \
             VALUES ('{rows}', 'bulk', '{}', 0, 0, FALSE, '', '{at}', '{at}')",
            if rows % 5 == 0 { "running" } else { "done" }
        ),
    };
    connection
        .batch_execute(&format!("INSERT INTO {table} {values}"))
        .unwrap();
}

#[test]
fn a_batch_has_at_most_as_many_rows_as_the_limit_and_the_last_leaves_none() {
    for table in [
        ExpiringTable::OutstandingTokens,
        ExpiringTable::Revocations,
        ExpiringTable::Jobs,
    ] {
        for limit in [1, 2, 3, 10, 11, 12, 13, 36, 37, 38, 48, 49, 1_000] {
            let database = TestDatabase::migrated();
            let connection = &mut database.target().connect().unwrap();
            for expiry in expiries() {
                insert(connection, table, expiry);
            }
            let kept = format!(
                "SELECT COUNT(*) AS number FROM {table} WHERE {} > '1970-01-01 00:00:51' {}",
                if table == ExpiringTable::Jobs {
                    "started_at"
                } else {
                    "expires_at"
                },
                if table == ExpiringTable::Jobs {
                    "OR state = 'running'"
                } else {
                    ""
                },
            );
            let all = format!("SELECT COUNT(*) AS number FROM {table}");
            let (kept, mut left) = (number(connection, &kept), number(connection, &all));
            let mut next = Some(Timestamp::EPOCH);
            let mut batches = 0;
            while let Some(first) = next {
                let cutoff = Timestamp::from_unix_micros(CUTOFF * 1_000_000);
                let deleted = delete_expired(connection, table, first..=cutoff, limit).unwrap();
                let title = format!("{table}, {limit}: batch {batches}");
                assert!(deleted.rows <= limit as usize, "{title}: {}", deleted.rows);
                left -= i64::try_from(deleted.rows).unwrap();
                assert_eq!(number(connection, &all), left, "{title}");
                assert!(deleted.next.is_none_or(|next| next >= first), "{title}");
                (next, batches) = (deleted.next, batches + 1);
                assert!(batches <= 200, "{title}");
            }
            assert_eq!(left, kept, "{table}, {limit}");
        }
    }
}
