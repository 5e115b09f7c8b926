//! Deleting expired rows, a small batch at a time. The leeway of tokens is a rule of the service.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Timestamp as SqlTimestamp},
};

use crate::clock::Timestamp;
use crate::domain::paging::Count;
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;

/// A table whose rows expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiringTable {
    /// Issued refresh tokens.
    OutstandingTokens,
    /// Blacklisted refresh tokens.
    BlacklistedTokens,
    /// One-time codes.
    OtpChallenges,
    /// Counts of rate limits, and locks.
    RateLimits,
    /// Sessions. An ended one stays until its newest token has expired.
    Sessions,
    /// Revocation events.
    Revocations,
    /// Sessions of browsers in the admin panel.
    BrowserSessions,
    /// One-time links.
    SetUpLinks,
    /// Results of sending one-time codes.
    OtpDeliveries,
    /// Jobs that have ended, by the time of their start.
    Jobs,
}

impl ExpiringTable {
    /// All tables, tokens before their sessions.
    pub const ALL: [Self; 10] = [
        Self::OutstandingTokens,
        Self::BlacklistedTokens,
        Self::OtpChallenges,
        Self::RateLimits,
        Self::Sessions,
        Self::Revocations,
        Self::BrowserSessions,
        Self::SetUpLinks,
        Self::OtpDeliveries,
        Self::Jobs,
    ];

    /// The table's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OutstandingTokens => "outstanding_tokens",
            Self::BlacklistedTokens => "blacklisted_tokens",
            Self::OtpChallenges => "otp_challenges",
            Self::RateLimits => "rate_limits",
            Self::Sessions => "sessions",
            Self::Revocations => "revocations",
            Self::BrowserSessions => "browser_sessions",
            Self::SetUpLinks => "set_up_links",
            Self::OtpDeliveries => "otp_deliveries",
            Self::Jobs => "jobs",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::OutstandingTokens | Self::BlacklistedTokens => "jti",
            Self::OtpChallenges
            | Self::Sessions
            | Self::Revocations
            | Self::BrowserSessions
            | Self::OtpDeliveries
            | Self::Jobs => "id",
            Self::RateLimits => "bucket",
            Self::SetUpLinks => "token_hash",
        }
    }

    /// The column with the time of expiry.
    fn expiry(self) -> &'static str {
        match self {
            Self::Jobs => "started_at",
            _ => "expires_at",
        }
    }

    /// `FROM … WHERE …` of the rows that expired at `$1` or before.
    fn expired(self) -> String {
        let expiry = self.expiry();
        let more = match self {
            Self::Jobs => " AND state <> 'running'",
            _ => "",
        };
        format!("FROM {} WHERE {expiry} <= $1{more}", self.name())
    }
}

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Counts the rows of a table that expired at `cutoff` or before.
pub fn count_expired(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
) -> Result<i64, StoreError> {
    let statement = format!("SELECT COUNT(*) AS \"rows\" {}", table.expired());
    Ok(diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(cutoff)
        .get_result::<Rows>(connection)?
        .rows)
}

/// The same, up to a limit.
pub fn count_expired_to(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
    limit: i64,
) -> Result<Count, StoreError> {
    let statement = format!(
        "SELECT COUNT(*) AS \"rows\" FROM (SELECT 1 AS one {} LIMIT $2) counted",
        table.expired()
    );
    let rows = diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(cutoff)
        .bind::<BigInt, _>(limit + 1)
        .get_result::<Rows>(connection)?
        .rows;
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
    let statement = format!(
        "SELECT MIN({}) AS expired {}",
        table.expiry(),
        table.expired()
    );
    Ok(diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(cutoff)
        .get_result::<First>(connection)?
        .expired)
}

/// Deletes at most `limit` rows of a table that expired at `cutoff` or before, oldest first. Returns their number.
pub fn delete_expired(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
    limit: i64,
) -> Result<usize, StoreError> {
    let (name, key) = (table.name(), table.key());
    let statement = format!(
        // The second condition: on Postgres a row can get a later expiry after the subquery has read it.
        "DELETE FROM {name} WHERE {key} IN (SELECT {key} {} ORDER BY {expiry} LIMIT $2) AND {expiry} <= $1",
        table.expired(),
        expiry = table.expiry()
    );
    Ok(diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(cutoff)
        .bind::<BigInt, _>(limit)
        .execute(connection)?)
}
