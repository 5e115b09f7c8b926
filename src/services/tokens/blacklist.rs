//! The list of blacklisted refresh tokens.

use crate::clock::Timestamp;
use crate::domain::audit::AuditSource;
use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::{Jti, RevocationReason};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::tokens::owner::{ByOwner, Owner, with_owners};
use crate::store::blacklist_list as table;
use crate::store::blacklist_list::{BlacklistFilter, BlacklistRow};

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
    /// By which interface it was blacklisted, and by whom; as far as the audit log has it.
    pub actor: Option<(AuditSource, Option<String>)>,
}

/// Filters of the list.
#[derive(Clone, Debug, Default)]
pub struct BlacklistQuery {
    /// The population of the owner.
    pub user_type: Option<UserType>,
    /// The owner's e-mail address or username, or `user:1`, or a part that few accounts have.
    pub person: Option<String>,
    /// The reasons; `None` for every reason.
    pub reasons: Option<Vec<RevocationReason>>,
    /// Blacklisted at this time or later.
    pub from: Option<Timestamp>,
    /// Blacklisted before this time.
    pub to: Option<Timestamp>,
}

impl BlacklistQuery {
    fn filter(self, owners: Option<Vec<Principal>>) -> BlacklistFilter {
        BlacklistFilter {
            user_type: self.user_type,
            owners,
            reasons: self.reasons,
            from: self.from,
            to: self.to,
        }
    }
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
) -> Result<ByOwner<Slice<BlacklistedToken>>, Error> {
    let seek = seek.filter_map(|cursor| read_cursor(&cursor));
    let found = services
        .store
        .read_list(move |connection| {
            with_owners(connection, query.person.as_deref(), |connection, owners| {
                let filter = query.clone().filter(owners);
                table::list(connection, &filter, seek.clone(), size)
            })
        })
        .await?;
    Ok(found.map(|rows| rows.map(BlacklistedToken::from)))
}

/// The next tokens that match the query, for reading the whole list.
///
/// # Errors
/// The store's.
pub async fn batch(
    services: &Services,
    query: BlacklistQuery,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<BlacklistedToken>, Error> {
    let after = after.as_ref().and_then(read_cursor);
    let found = services
        .store
        .read_list(move |connection| {
            with_owners(connection, query.person.as_deref(), |connection, owners| {
                let filter = query.clone().filter(owners);
                table::batch(connection, &filter, after.as_ref(), size)
            })
        })
        .await?;
    Ok(found
        .or_none()
        .into_iter()
        .map(BlacklistedToken::from)
        .collect())
}

impl From<BlacklistRow> for BlacklistedToken {
    fn from(row: BlacklistRow) -> Self {
        // A rotation is no event of the audit log.
        let actor = row
            .actor
            .filter(|_| row.reason != RevocationReason::Rotated)
            .and_then(|actor| {
                let (source, name) = actor.split_once('|')?;
                let name = Some(name.to_owned()).filter(|name| !name.is_empty());
                Some((AuditSource::from_word(source)?, name))
            });
        Self {
            owner: Owner::new(row.user_type, row.user_seq, row.login, row.name),
            jti: row.jti,
            reason: row.reason,
            blacklisted_at: row.blacklisted_at,
            expires_at: row.expires_at,
            actor,
        }
    }
}

/// The position of a token in the list.
#[must_use]
pub fn cursor_of(token: &BlacklistedToken) -> Cursor {
    Cursor::at_time(token.blacklisted_at, &token.jti)
}

fn read_cursor(cursor: &Cursor) -> Option<(Timestamp, Jti)> {
    Some((cursor.time()?, Jti::parse(&cursor.id)?))
}
