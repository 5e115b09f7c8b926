//! Taking expired rows out, a small batch at a time. What "expired" means for a token (its leeway) is the service's rule.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Timestamp as SqlTimestamp},
};

use super::{Db, error::StoreError};
use crate::clock::Timestamp;

/// A table whose rows expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiringTable {
    /// Refresh tokens that were issued.
    OutstandingTokens,
    /// Refresh tokens that are refused.
    BlacklistedTokens,
    /// One-time codes.
    OtpChallenges,
    /// Counted events.
    RateLimits,
    /// Sessions, the ended ones among them: each stays until its newest token has expired.
    Sessions,
}

impl ExpiringTable {
    /// All of them, tokens before their sessions.
    pub const ALL: [Self; 5] = [
        Self::OutstandingTokens,
        Self::BlacklistedTokens,
        Self::OtpChallenges,
        Self::RateLimits,
        Self::Sessions,
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
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::OutstandingTokens | Self::BlacklistedTokens => "jti",
            Self::OtpChallenges | Self::Sessions => "id",
            Self::RateLimits => "bucket",
        }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// How many rows of a table expired at `cutoff` or before.
pub fn count_expired(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
) -> Result<i64, StoreError> {
    let statement = format!(
        "SELECT COUNT(*) AS \"rows\" FROM {} WHERE expires_at <= $1",
        table.name()
    );
    Ok(diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(cutoff)
        .get_result::<Count>(connection)?
        .rows)
}

/// Deletes at most `limit` rows of a table that expired at `cutoff` or before, oldest first; how many.
pub fn delete_expired(
    connection: &mut Db,
    table: ExpiringTable,
    cutoff: Timestamp,
    limit: i64,
) -> Result<usize, StoreError> {
    let (name, key) = (table.name(), table.key());
    let statement = format!(
        "DELETE FROM {name} WHERE {key} IN \
         (SELECT {key} FROM {name} WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
    );
    Ok(diesel::sql_query(statement)
        .bind::<SqlTimestamp, _>(cutoff)
        .bind::<BigInt, _>(limit)
        .execute(connection)?)
}
