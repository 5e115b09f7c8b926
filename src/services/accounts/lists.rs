//! The panel's lists of accounts: a page of those that pass a filter, and batches for an export.

use crate::domain::paging::{Cursor, Seek, Slice};
use crate::services::accounts::client_users::Client;
use crate::services::accounts::users::User;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::account_pages as table;
use crate::store::client_users::ClientRow;
use crate::store::users::UserRow;

pub use crate::store::account_list::{AccountColumn, AccountFilter, AccountOrder, LastLogin};

/// An account and its cursor in the list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The account.
    pub account: T,
    /// The cursor.
    pub place: Cursor,
}

/// A page of internal users. An invalid cursor gives the first page.
///
/// # Errors
/// Errors of the store.
pub async fn users(
    services: &Services,
    filter: AccountFilter,
    order: AccountOrder,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Slice<Listed<User>>, Error> {
    let slice = services
        .store
        .read_list(move |connection| {
            table::page::<UserRow>(connection, &filter, order, seek.clone(), size)
        })
        .await?;
    Ok(slice.map(|row| Listed {
        place: row.cursor(order),
        account: row.into(),
    }))
}

/// A page of clients. An invalid cursor gives the first page.
///
/// # Errors
/// Errors of the store.
pub async fn clients(
    services: &Services,
    filter: AccountFilter,
    order: AccountOrder,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Slice<Listed<Client>>, Error> {
    let slice = services
        .store
        .read_list(move |connection| {
            table::page::<ClientRow>(connection, &filter, order, seek.clone(), size)
        })
        .await?;
    Ok(slice.map(|row| Listed {
        place: row.cursor(order),
        account: row.into(),
    }))
}

/// The next internal users of the list, for an export.
///
/// # Errors
/// Errors of the store.
pub async fn users_batch(
    services: &Services,
    filter: AccountFilter,
    order: AccountOrder,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<Listed<User>>, Error> {
    let rows = services
        .store
        .read_list(move |connection| {
            table::batch::<UserRow>(connection, &filter, order, after.as_ref(), size)
        })
        .await?;
    let listed = rows.into_iter().map(|row| Listed {
        place: row.cursor(order),
        account: row.into(),
    });
    Ok(listed.collect())
}

/// The next clients of the list, for an export.
///
/// # Errors
/// Errors of the store.
pub async fn clients_batch(
    services: &Services,
    filter: AccountFilter,
    order: AccountOrder,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<Listed<Client>>, Error> {
    let rows = services
        .store
        .read_list(move |connection| {
            table::batch::<ClientRow>(connection, &filter, order, after.as_ref(), size)
        })
        .await?;
    let listed = rows.into_iter().map(|row| Listed {
        place: row.cursor(order),
        account: row.into(),
    });
    Ok(listed.collect())
}
