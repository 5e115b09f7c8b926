//! The sessions of all accounts: the list of the panel.

use crate::clock::Timestamp;
use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::{SessionId, SessionStatus};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::tokens::owner::{ByOwner, with_owners};
use crate::store::session_list::{SessionFilter, SessionListRow};
use crate::store::{Db, StoreError, session_list as table};

/// Filters of the list.
#[derive(Clone, Debug, Default)]
pub struct SessionQuery {
    /// The population of the owner.
    pub user_type: Option<UserType>,
    /// The owner's e-mail address or username, or `user:1`, or a part that few accounts have.
    pub person: Option<String>,
    /// The state.
    pub status: Option<SessionStatus>,
    /// The IP address of the login or the last refresh.
    pub address: Option<String>,
    /// A part of the user agent of the login or the last refresh.
    pub program: Option<String>,
    /// The id.
    pub id: Option<SessionId>,
    /// Begun at this time or later.
    pub from: Option<Timestamp>,
    /// Begun before this time.
    pub before: Option<Timestamp>,
}

impl SessionQuery {
    fn filter(self, owners: Option<Vec<Principal>>, now: Timestamp) -> SessionFilter {
        SessionFilter {
            user_type: self.user_type,
            owners,
            status: self.status,
            address: self.address,
            program: self.program,
            id: self.id,
            from: self.from,
            before: self.before,
            now,
        }
    }

    /// Reads with the filter of the store.
    pub(super) fn with_filter<T>(
        &self,
        connection: &mut Db,
        now: Timestamp,
        read: impl FnOnce(&mut Db, SessionFilter) -> Result<T, StoreError>,
    ) -> Result<ByOwner<T>, StoreError> {
        with_owners(connection, self.person.as_deref(), |connection, owners| {
            read(connection, self.clone().filter(owners, now))
        })
    }
}

/// The sessions that match the query, the latest first.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    query: SessionQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<ByOwner<Slice<SessionListRow>>, Error> {
    let now = services.clock.now();
    let seek = seek.filter_map(|cursor| SessionId::parse(&cursor.id));
    Ok(services
        .store
        .read_list(move |connection| {
            query.with_filter(connection, now, |connection, filter| {
                table::list(connection, &filter, seek.clone(), size)
            })
        })
        .await?)
}

/// The next sessions that match the query, for reading the whole list.
///
/// # Errors
/// The store's.
pub async fn batch(
    services: &Services,
    query: SessionQuery,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<SessionListRow>, Error> {
    let now = services.clock.now();
    let after = after.and_then(|cursor| SessionId::parse(&cursor.id));
    let found = services
        .store
        .read_list(move |connection| {
            query.with_filter(connection, now, |connection, filter| {
                table::batch(connection, &filter, after.as_ref(), size)
            })
        })
        .await?;
    Ok(found.or_none())
}

/// The position of a session in the list.
#[must_use]
pub fn cursor_of(session: &SessionListRow) -> Cursor {
    Cursor {
        value: String::new(),
        id: session.id.as_str().to_owned(),
    }
}
