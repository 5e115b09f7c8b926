//! Deleting expired rows, a small batch at a time. The leeway of tokens is a rule of the service.

use std::ops::RangeInclusive;

use diesel::{
    connection::SimpleConnection,
    prelude::*,
    sql_types::{BigInt, Nullable, Text, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::paging::Count;
use crate::domain::text_enum::text_enum;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::pagination::filter::load_count;
use crate::store::pagination::statement::Sql;

text_enum! {
    /// A table whose rows expire. Tokens come before their sessions.
    ExpiringTable {
        /// Issued refresh tokens.
        OutstandingTokens = "outstanding_tokens",
        /// Blacklisted refresh tokens.
        BlacklistedTokens = "blacklisted_tokens",
        /// One-time codes.
        OtpChallenges = "otp_challenges",
        /// Counts of rate limits, and locks.
        RateLimits = "rate_limits",
        /// Sessions. An ended one stays until its newest token has expired.
        Sessions = "sessions",
        /// Revocation events.
        Revocations = "revocations",
        /// Sessions of browsers in the admin panel.
        BrowserSessions = "browser_sessions",
        /// One-time links.
        SetUpLinks = "set_up_links",
        /// Codes, links and notices that were sent.
        Deliveries = "deliveries",
        /// Device tokens.
        DeviceTokens = "device_tokens",
        /// Signing keys whose last token has expired.
        SigningKeys = "signing_keys",
        /// Jobs that have ended, by the time of their start.
        Jobs = "jobs",
        /// Tokens that Django issued.
        DjangoTokens = "django_tokens",
        /// Logins that waited for their second factor.
        SecondFactorChallenges = "second_factor_challenges",
        /// Answered challenges of passkeys.
        PasskeyChallenges = "passkey_challenges",
        /// Events for endpoints of webhooks.
        WebhookDeliveries = "webhook_deliveries",
        /// Requests with an `Idempotency-Key`.
        IdempotencyKeys = "idempotency_keys",
    }
}

impl ExpiringTable {
    fn key(self) -> &'static str {
        match self {
            Self::OutstandingTokens | Self::BlacklistedTokens | Self::DjangoTokens => "jti",
            Self::OtpChallenges
            | Self::Sessions
            | Self::Revocations
            | Self::BrowserSessions
            | Self::Deliveries
            | Self::WebhookDeliveries
            | Self::Jobs => "id",
            Self::RateLimits => "bucket",
            Self::SetUpLinks => "token_hash",
            Self::DeviceTokens => "nonce",
            Self::SecondFactorChallenges => "id_hash",
            Self::SigningKeys => "kid",
            Self::PasskeyChallenges => "challenge_hash",
            Self::IdempotencyKeys => "key_mac",
        }
    }

    /// The column with the time of expiry.
    fn expiry(self) -> &'static str {
        match self {
            Self::Jobs => "started_at",
            _ => "expires_at",
        }
    }

    /// `FROM … WHERE …` of the rows that expired at `cutoff` or before.
    fn expired(self, cutoff: &str) -> String {
        let expiry = self.expiry();
        let more = match self {
            Self::Jobs => " AND state <> 'running'",
            _ => "",
        };
        format!("FROM {self} WHERE {expiry} <= {cutoff}{more}")
    }
}

/// Counts the rows of a table that expired at `cutoff` or before.
pub fn count_expired(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
) -> Result<i64, StoreError> {
    let mut sql = Sql::new("SELECT COUNT(*) AS n ");
    sql.push_with(&table.expired("?"), [cutoff.into()]);
    load_count(connection, sql)
}

/// The same, up to a limit.
pub fn count_expired_to(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
    limit: i64,
) -> Result<Count, StoreError> {
    let mut sql = Sql::new("SELECT COUNT(*) AS n FROM (SELECT 1 AS one ");
    sql.push_with(&table.expired("?"), [cutoff.into()]);
    sql.push_with(" LIMIT ?) counted", [(limit + 1).into()]);
    let rows = load_count(connection, sql)?;
    Ok(Count {
        rows: rows.min(limit),
        more: rows > limit,
    })
}

/// The earliest expiry among the rows of a table that expired at `cutoff` or before.
pub fn first_expired(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    #[derive(QueryableByName)]
    struct First {
        #[diesel(sql_type = Nullable<SqlTimestamp>)]
        expired: Option<Timestamp>,
    }
    let mut sql = Sql::new(&format!("SELECT MIN({}) AS expired ", table.expiry()));
    sql.push_with(&table.expired("?"), [cutoff.into()]);
    let first: First = sql.query().get_result(connection)?;
    Ok(first.expired)
}

/// A batch of rows that was deleted.
pub struct Deleted {
    /// The number of rows.
    pub rows: usize,
    /// The expiry at which the next batch begins; `None` if nothing is left.
    pub next: Option<Timestamp>,
}

/// Deletes at most `limit` rows of a table that expired within a period, oldest first.
pub fn delete_expired(
    connection: &mut Db,
    table: ExpiringTable,
    expired: RangeInclusive<Timestamp>,
    limit: u32,
) -> Result<Deleted, StoreError> {
    let (first, cutoff) = expired.into_inner();
    match connection {
        Db::Postgres(postgres) => delete_on_postgres(postgres, table, first, cutoff, limit),
        Db::Sqlite(sqlite) => {
            let (rows, has_more) = delete_on_sqlite(sqlite, table, cutoff, limit)?;
            let next = has_more.then_some(first);
            Ok(Deleted { rows, next })
        }
    }
}

/// Up to the expiry of the last row of the batch, without that: a range of the index takes 0.8 of the time of selected
/// positions, and a seventh of that of a join. The index keeps the entries of deleted rows until a vacuum, so a batch begins
/// where the one before has ended.
fn delete_on_postgres(
    postgres: &mut PgConnection,
    table: ExpiringTable,
    first: Timestamp,
    cutoff: Timestamp,
    limit: u32,
) -> Result<Deleted, StoreError> {
    #[derive(QueryableByName)]
    struct Last {
        #[diesel(sql_type = SqlTimestamp)]
        expiry: Timestamp,
    }
    // Without statistics the planner would rather read the whole table for each batch than follow the index.
    postgres.batch_execute("SET LOCAL enable_seqscan = off")?;
    let (expiry, expired) = (table.expiry(), table.expired("$2"));
    let last = format!(
        "SELECT {expiry} AS expiry {expired} AND {expiry} >= $1 ORDER BY {expiry} LIMIT 1 OFFSET $3"
    );
    let last: Option<Last> = diesel::sql_query(last)
        .bind::<SqlTimestamp, _>(first)
        .bind::<SqlTimestamp, _>(cutoff)
        .bind::<BigInt, _>(i64::from(limit) - 1)
        .get_result(postgres)
        .optional()?;
    let next = last.map(|row| row.expiry);
    let rows = match next {
        None => diesel::sql_query(format!("DELETE {expired} AND {expiry} >= $1"))
            .bind::<SqlTimestamp, _>(first)
            .bind::<SqlTimestamp, _>(cutoff)
            .execute(postgres)?,
        Some(next) if next > first => {
            diesel::sql_query(format!("DELETE {expired} AND {expiry} >= $1 AND {expiry} < $2"))
                .bind::<SqlTimestamp, _>(first)
                .bind::<SqlTimestamp, _>(next)
                .execute(postgres)?
        }
        // More rows than the limit have the same expiry.
        Some(next) => diesel::sql_query(format!(
            "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid {expired} AND {expiry} >= $1 LIMIT $3)) \
             AND {expiry} <= $2"
        ))
        .bind::<SqlTimestamp, _>(first)
        .bind::<SqlTimestamp, _>(next)
        .bind::<BigInt, _>(i64::from(limit))
        .execute(postgres)?,
    };
    Ok(Deleted { rows, next })
}

/// Up to the last row of the batch in the order of the index, whose entries are of expiry and key: SQLite deletes a range of
/// an index in one pass, but looks up rows of a subquery again. Returns the number of rows, and whether there are more.
fn delete_on_sqlite(
    sqlite: &mut SqliteConnection,
    table: ExpiringTable,
    cutoff: Timestamp,
    limit: u32,
) -> Result<(usize, bool), StoreError> {
    #[derive(QueryableByName)]
    struct Last {
        #[diesel(sql_type = Text)]
        expiry: String,
        #[diesel(sql_type = Text)]
        key: String,
    }
    let (expiry, key, expired) = (table.expiry(), table.key(), table.expired("$1"));
    // As text, exactly as it is stored. SQLite compares a text with a column of numbers as a number.
    let last = format!(
        "SELECT CAST({expiry} AS TEXT) AS expiry, CAST({key} AS TEXT) AS key {expired} \
         ORDER BY {expiry}, {key} LIMIT 1 OFFSET $2"
    );
    let last: Option<Last> = diesel::sql_query(last)
        .bind::<SqlTimestamp, _>(cutoff)
        .bind::<BigInt, _>(i64::from(limit) - 1)
        .get_result(sqlite)
        .optional()?;
    let rows = match &last {
        Some(last) => diesel::sql_query(format!(
            "DELETE {expired} AND ({expiry}, {key}) <= ($1, $2)"
        ))
        .bind::<Text, _>(&last.expiry)
        .bind::<Text, _>(&last.key)
        .execute(sqlite)?,
        None => diesel::sql_query(format!("DELETE {expired}"))
            .bind::<SqlTimestamp, _>(cutoff)
            .execute(sqlite)?,
    };
    Ok((rows, last.is_some() && rows > 0))
}
