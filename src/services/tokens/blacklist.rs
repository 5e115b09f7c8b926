//! The blacklist as the panel shows it: whose token, since when, why, and until when its row stays.

use crate::{
    clock::Timestamp,
    domain::{
        paging::{Cursor, Seek},
        principal::UserType,
        session::{Jti, RevocationReason},
    },
    services::{
        bootstrap::Services,
        error::Error,
        tokens::refresh_tokens::{Listed, Owner, owner, wanted_owners},
    },
    store::{blacklisted_tokens as table, blacklisted_tokens::BlacklistFilter},
};

/// A refresh token that is refused.
#[derive(Clone, Debug)]
pub struct BlacklistedToken {
    /// Its id.
    pub jti: Jti,
    /// Whose it is.
    pub owner: Owner,
    /// Why it is refused.
    pub reason: RevocationReason,
    /// Since when.
    pub blacklisted_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Which of them are looked for.
#[derive(Clone, Debug, Default)]
pub struct BlacklistQuery {
    /// Of one population.
    pub user_type: Option<UserType>,
    /// Of whoever logs in by this e-mail address or username.
    pub person: Option<String>,
    /// For this reason.
    pub reason: Option<RevocationReason>,
    /// Blacklisted then or later.
    pub from: Option<Timestamp>,
    /// Blacklisted before.
    pub to: Option<Timestamp>,
}

/// The blacklisted tokens that are looked for, the latest first.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    wanted: BlacklistQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Listed<BlacklistedToken>, Error> {
    let seek = seek
        .try_map(|place| read_place(&place))
        .unwrap_or(Seek::First);
    services
        .store
        .read_list(move |connection| {
            let owners = wanted_owners(connection, wanted.person.as_deref())?;
            if owners.as_ref().is_some_and(Vec::is_empty) {
                return Ok(Listed::UnknownPerson);
            }
            let filter = BlacklistFilter {
                user_type: wanted.user_type,
                owners,
                reason: wanted.reason,
                from: wanted.from,
                to: wanted.to,
            };
            let rows = table::list(connection, &filter, seek.clone(), size)?;
            Ok(Listed::Rows(rows.map(|row| BlacklistedToken {
                owner: owner(row.user_type, row.user_seq, row.login, row.name),
                jti: row.jti,
                reason: row.reason,
                blacklisted_at: row.blacklisted_at,
                expires_at: row.expires_at,
            })))
        })
        .await
}

/// The place of a row in the list.
#[must_use]
pub fn place_of(refused: &BlacklistedToken) -> Cursor {
    Cursor::at_time(refused.blacklisted_at, &refused.jti)
}

fn read_place(place: &Cursor) -> Option<(Timestamp, Jti)> {
    Some((place.time()?, Jti::parse(&place.id)?))
}
