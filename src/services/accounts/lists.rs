//! The panel's lists of accounts: a page of those that pass a filter, and batches for an export.

use std::collections::HashSet;

use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::principal::{UserSeq, UserType};
use crate::services::accounts::client_users::Client;
use crate::services::accounts::users::User;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::account_list::{AccountFilter, AccountOrder};
use crate::store::account_pages as table;
use crate::store::client_users::ClientRow;
use crate::store::users::UserRow;

/// An account, as `T` shows it, and its cursor in the list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The account.
    pub account: T,
    /// The cursor.
    pub cursor: Cursor,
}

/// A page of accounts. An invalid cursor gives the first page.
///
/// # Errors
/// Errors of the store.
pub async fn page<T>(
    services: &Services,
    filter: AccountFilter,
    order: AccountOrder,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Slice<Listed<T>>, Error>
where
    T: From<User> + From<Client> + Send + 'static,
{
    services
        .store
        .read_list(move |connection| {
            let seek = seek.clone();
            Ok(match filter.user_type {
                UserType::User => {
                    table::page(connection, &filter, order, seek, size)?.map(|row| user(row, order))
                }
                UserType::Client => table::page(connection, &filter, order, seek, size)?
                    .map(|row| client(row, order)),
            })
        })
        .await
}

/// The next accounts of the list, for an export.
///
/// # Errors
/// Errors of the store.
pub async fn batch<T>(
    services: &Services,
    filter: AccountFilter,
    order: AccountOrder,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<Listed<T>>, Error>
where
    T: From<User> + From<Client> + Send + 'static,
{
    services
        .store
        .read_list(move |connection| {
            let after = after.as_ref();
            Ok(match filter.user_type {
                UserType::User => {
                    let rows = table::batch(connection, &filter, order, after, size)?;
                    rows.into_iter().map(|row| user(row, order)).collect()
                }
                UserType::Client => {
                    let rows = table::batch(connection, &filter, order, after, size)?;
                    rows.into_iter().map(|row| client(row, order)).collect()
                }
            })
        })
        .await
}

/// Those of these accounts of a population that have no password, and a valid link to set one.
///
/// # Errors
/// Errors of the store.
pub async fn invited(
    services: &Services,
    user_type: UserType,
    accounts: Vec<UserSeq>,
) -> Result<HashSet<UserSeq>, Error> {
    let now = services.clock.now();
    let found = services
        .store
        .read_list(move |connection| table::invited_of(connection, user_type, &accounts, now))
        .await?;
    Ok(found.into_iter().collect())
}

fn user<T: From<User>>(row: UserRow, order: AccountOrder) -> Listed<T> {
    Listed {
        cursor: row.cursor(order),
        account: User::from(row).into(),
    }
}

fn client<T: From<Client>>(row: ClientRow, order: AccountOrder) -> Listed<T> {
    Listed {
        cursor: row.cursor(order),
        account: Client::from(row).into(),
    }
}
