//! Looking up accounts by login name, and login names by account, in either population.

use crate::domain::account::{Account, Email, Username, normalised_login};
use crate::domain::audit::Subject;
use crate::domain::language::Language;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::services::error::Error;
use crate::store::pagination::filter::MAX_ACCOUNTS;
use crate::store::{Db, StoreError, account_search, client_users, panel_preferences, users};

/// An account, and the hash of its password.
type AccountAndHash = (Account, Option<String>);

/// The account of this population with this normalised login name, and the hash of its password.
pub(crate) fn find_with_hash_by_login(
    connection: &mut Db,
    user_type: UserType,
    name: &str,
) -> Result<Option<AccountAndHash>, StoreError> {
    Ok(match user_type {
        UserType::User => {
            users::find_by_login(connection, name)?.map(|row| (row.account(), row.password_hash))
        }
        UserType::Client => client_users::find_by_username(connection, name)?
            .map(|row| (row.account(), row.password_hash)),
    })
}

/// The account of this population with this normalised login name.
pub(crate) fn find_by_login(
    connection: &mut Db,
    user_type: UserType,
    name: &str,
) -> Result<Option<Account>, StoreError> {
    let found = find_with_hash_by_login(connection, user_type, name)?;
    Ok(found.map(|(account, _)| account))
}

/// Finds an account of either population, and the hash of its password.
pub(crate) fn find_with_hash(
    connection: &mut Db,
    owner: Principal,
) -> Result<Option<AccountAndHash>, StoreError> {
    let id = owner.user_seq;
    Ok(match owner.user_type {
        UserType::User => {
            users::find_by_id(connection, id)?.map(|row| (row.account(), row.password_hash))
        }
        UserType::Client => {
            client_users::find_by_id(connection, id)?.map(|row| (row.account(), row.password_hash))
        }
    })
}

/// The language that the owner of an account has chosen for the panel, for mails.
pub(crate) fn find_language(
    connection: &mut Db,
    owner: Principal,
) -> Result<Option<Language>, StoreError> {
    Ok(match owner.user_type {
        UserType::User => panel_preferences::find(connection, owner.user_seq)?.language,
        UserType::Client => None,
    })
}

/// Finds an account of either population.
pub(crate) fn find_account(
    connection: &mut Db,
    owner: Principal,
) -> Result<Option<Account>, StoreError> {
    Ok(find_with_hash(connection, owner)?.map(|(account, _)| account))
}

/// Finds an account that must exist.
pub(crate) fn find_existing(connection: &mut Db, owner: Principal) -> Result<Account, Error> {
    find_account(connection, owner)?.ok_or(Error::AccountNotFound(owner.user_type))
}

/// The account as the subject of an audit event: its login name, or `user:1` if the account does not exist.
pub(crate) fn subject(connection: &mut Db, owner: Principal) -> Result<Subject, StoreError> {
    let account = find_account(connection, owner)?;
    let unknown = || Subject::account(owner, owner.to_string());
    Ok(account.map_or_else(unknown, |account| Subject::of(&account)))
}

/// The accounts that fit the text of a filter.
pub(crate) enum Matches {
    /// These, at most [`MAX_ACCOUNTS`]; possibly none.
    Few(Vec<Principal>),
    /// More than [`MAX_ACCOUNTS`].
    TooMany,
}

/// The accounts that a text names or, if there are none, those that contain it.
pub(crate) fn matches_of(connection: &mut Db, text: &str) -> Result<Matches, StoreError> {
    let named = owners_of(connection, text)?;
    if !named.is_empty() {
        return Ok(Matches::Few(named));
    }
    let mut found = Vec::new();
    for user_type in [UserType::User, UserType::Client] {
        let hits = account_search::find(connection, user_type, text, MAX_ACCOUNTS + 1)?;
        found.extend(hits.iter().map(|hit| hit.principal(user_type)));
    }
    Ok(if found.len() > MAX_ACCOUNTS {
        Matches::TooMany
    } else {
        Matches::Few(found)
    })
}

/// The accounts that a search text names: the internal user with this e-mail address or username, the client with this
/// username, or the account `user:1` or `client:7`, which also names deleted accounts.
pub(crate) fn owners_of(connection: &mut Db, text: &str) -> Result<Vec<Principal>, StoreError> {
    let mut owners = Vec::new();
    if let Some((word, digits)) = text.split_once(':')
        && let (Some(user_type), Some(user_seq)) =
            (UserType::from_word(word), UserSeq::from_digits(digits))
    {
        owners.push(Principal::new(user_type, user_seq));
    }
    if Email::parse(text).is_ok() || Username::parse(text).is_ok() {
        let name = normalised_login(text);
        for user_type in [UserType::User, UserType::Client] {
            let found = find_by_login(connection, user_type, &name)?;
            owners.extend(found.map(|account| account.principal));
        }
    }
    Ok(owners)
}
