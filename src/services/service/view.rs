//! Services as the interfaces show them, without the hash of the secret.

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::domain::service::Scopes;
use crate::services::error::Error;
use crate::store::services::{self as table, ServiceRow};
use crate::store::{Db, Store};

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The number.
    pub number: UserSeq,
    /// The unique name, which is the `client_id`.
    pub name: String,
    /// What it is for; possibly empty.
    pub description: String,
    /// The scopes that its access tokens may have.
    pub scopes: Scopes,
    /// Whether it may authenticate.
    pub is_active: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// When it last authenticated, to within a minute.
    pub last_used_at: Option<Timestamp>,
}

impl From<ServiceRow> for Service {
    fn from(row: ServiceRow) -> Self {
        Self {
            number: row.id,
            name: row.name,
            description: row.description,
            scopes: row.scopes,
            is_active: row.is_active,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// All services, by name.
///
/// # Errors
/// The store's.
pub async fn list(store: &Store) -> Result<Vec<Service>, Error> {
    let rows = store.read_list(table::list).await?;
    Ok(rows.into_iter().map(Service::from).collect())
}

/// The service with this number.
///
/// # Errors
/// [`Error::ServiceNotFound`], and the store's.
pub async fn find(store: &Store, number: UserSeq) -> Result<Service, Error> {
    one(store, move |connection| {
        Ok(table::find_by_id(connection, number)?)
    })
    .await
}

/// The service with this name.
///
/// # Errors
/// As [`find`].
pub async fn find_by_name(store: &Store, name: String) -> Result<Service, Error> {
    one(store, move |connection| {
        Ok(table::find_by_name(connection, &name)?)
    })
    .await
}

async fn one(
    store: &Store,
    find: impl Fn(&mut Db) -> Result<Option<ServiceRow>, Error> + Send + 'static,
) -> Result<Service, Error> {
    let row = store.read(find).await?;
    row.map(Service::from).ok_or(Error::ServiceNotFound)
}
