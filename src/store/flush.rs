//! Deleting expired rows, a small batch at a time. The leeway of tokens is a rule of the service.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Timestamp as SqlTimestamp},
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
            | Self::Jobs => "id",
            Self::RateLimits => "bucket",
            Self::SetUpLinks => "token_hash",
            Self::DeviceTokens => "nonce",
            Self::SecondFactorChallenges => "id_hash",
            Self::SigningKeys => "kid",
            Self::PasskeyChallenges => "challenge_hash",
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

/// Deletes at most `limit` rows of a table that expired at `cutoff` or before, oldest first. Returns their number.
pub fn delete_expired(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
    limit: i64,
) -> Result<usize, StoreError> {
    let (expiry, key) = (table.expiry(), table.key());
    let statement = format!(
        // The second condition: on Postgres a row can get a later expiry after the subquery has read it.
        "DELETE FROM {table} WHERE {key} IN (SELECT {key} {} ORDER BY {expiry} LIMIT $2) AND {expiry} <= $1",
        table.expired("$1")
    );
    Ok(diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(cutoff)
        .bind::<BigInt, _>(limit)
        .execute(connection)?)
}
