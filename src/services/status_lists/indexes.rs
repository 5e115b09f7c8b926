//! The index of a session: given at the login, and again after the former one was revoked.

use crate::domain::account::Account;
use crate::domain::status_index::StatusIndex;
use crate::services::account_lookup::find_account;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::status_indexes;

/// How many indexes an instance takes from the database at once. Those that are left when it stops are not used.
const BLOCK: i64 = 256;

/// An index for a session that begins or has none; `None` if `tokens.status_list` is off.
///
/// # Errors
/// Errors of the store.
pub(crate) async fn next_index(services: &Services) -> Result<Option<StatusIndex>, Error> {
    if services.tokens.status_lists().is_none() {
        return Ok(None);
    }
    let lists = &services.status_lists;
    loop {
        if let Some(index) = lists.next_free() {
            return Ok(Some(index));
        }
        let _taking = lists.taking.lock().await;
        if let Some(index) = lists.next_free() {
            return Ok(Some(index));
        }
        let first = services
            .store
            .write_statement(|connection| status_indexes::take(connection, BLOCK))
            .await?;
        lists.note_next(first + BLOCK);
        lists.add_free((first..first + BLOCK).filter_map(StatusIndex::new));
    }
}

/// Called after a session was used with a `spare` index, which it has got if it had none. Returns the account that the next
/// access token describes.
///
/// # Errors
/// [`Error::TokenUserNotFound`], and the store's.
pub(crate) async fn settle(
    services: &Services,
    account: Account,
    spare: Option<StatusIndex>,
    used: Option<StatusIndex>,
) -> Result<Account, Error> {
    if spare.is_none() || spare != used {
        services.status_lists.add_free(spare);
        return Ok(account);
    }
    // The former index was revoked with a change of the account, which on Postgres may have been committed after the account
    // was read. A token with the old role and the new index would not be revoked.
    let owner = account.principal;
    let current = services
        .store
        .read(move |connection| find_account(connection, owner))
        .await?;
    current.ok_or(Error::TokenUserNotFound)
}
