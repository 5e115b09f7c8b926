//! The list of blacklisted refresh tokens.

use crate::clock::Timestamp;
use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::principal::UserType;
use crate::domain::session::{Jti, RevocationReason};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::tokens::owner::{Owner, find_owners};
use crate::store::blacklisted_tokens as table;
use crate::store::blacklisted_tokens::BlacklistFilter;

/// A blacklisted refresh token.
#[derive(Clone, Debug)]
pub struct BlacklistedToken {
    /// The id of the token.
    pub jti: Jti,
    /// The account that it was issued to.
    pub owner: Owner,
    /// Why it was blacklisted.
    pub reason: RevocationReason,
    /// When it was blacklisted.
    pub blacklisted_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Filters of the list.
#[derive(Clone, Debug, Default)]
pub struct BlacklistQuery {
    /// The population of the owner.
    pub user_type: Option<UserType>,
    /// The owner's e-mail address or username, or `user:1`.
    pub person: Option<String>,
    /// The reason.
    pub reason: Option<RevocationReason>,
    /// Blacklisted at this time or later.
    pub from: Option<Timestamp>,
    /// Blacklisted before this time.
    pub to: Option<Timestamp>,
}

/// The blacklisted tokens that match the query, the latest first.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    query: BlacklistQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Option<Slice<BlacklistedToken>>, Error> {
    let seek = seek.filter_map(|cursor| read_cursor(&cursor));
    services
        .store
        .read_list(move |connection| {
            let owners = find_owners(connection, query.person.as_deref())?;
            if owners.as_ref().is_some_and(Vec::is_empty) {
                return Ok(None);
            }
            let filter = BlacklistFilter {
                user_type: query.user_type,
                owners,
                reason: query.reason,
                from: query.from,
                to: query.to,
            };
            let rows = table::list(connection, &filter, seek.clone(), size)?;
            Ok(Some(rows.map(|row| BlacklistedToken {
                owner: Owner::new(row.user_type, row.user_seq, row.login, row.name),
                jti: row.jti,
                reason: row.reason,
                blacklisted_at: row.blacklisted_at,
                expires_at: row.expires_at,
            })))
        })
        .await
}

/// The position of a token in the list.
#[must_use]
pub fn cursor_of(token: &BlacklistedToken) -> Cursor {
    Cursor::at_time(token.blacklisted_at, &token.jti)
}

fn read_cursor(cursor: &Cursor) -> Option<(Timestamp, Jti)> {
    Some((cursor.time()?, Jti::parse(&cursor.id)?))
}
