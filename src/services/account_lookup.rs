//! Looking up accounts by login name, and login names by account, in either population.

use crate::domain::account::{Account, Email, Username};
use crate::domain::audit::Subject;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::{Db, StoreError, client_users, users};

/// The account of this population with this normalised login name.
pub(crate) fn find_by_login(
    connection: &mut Db,
    user_type: UserType,
    name: &str,
) -> Result<Option<Principal>, StoreError> {
    Ok(match user_type {
        UserType::User => {
            users::find_by_email(connection, name)?.map(|row| Principal::user(row.id))
        }
        UserType::Client => {
            client_users::find_by_username(connection, name)?.map(|row| Principal::client(row.id))
        }
    })
}

/// Finds an account of either population.
pub(crate) fn find_account(
    connection: &mut Db,
    owner: Principal,
) -> Result<Option<Account>, StoreError> {
    let id = owner.user_seq;
    Ok(match owner.user_type {
        UserType::User => users::find_by_id(connection, id)?.map(|row| row.account()),
        UserType::Client => client_users::find_by_id(connection, id)?.map(|row| row.account()),
    })
}

/// The login name of an account as typed; `None` if the account does not exist.
pub(crate) fn find_login(
    connection: &mut Db,
    owner: Principal,
) -> Result<Option<String>, StoreError> {
    let account = find_account(connection, owner)?;
    Ok(account.map(|account| account.login().to_owned()))
}

/// The account as the subject of an audit event: its login name, or `user:1` if the account does not exist.
pub(crate) fn subject(connection: &mut Db, owner: Principal) -> Result<Subject, StoreError> {
    let name = find_login(connection, owner)?.unwrap_or_else(|| owner.to_string());
    Ok(Subject::account(owner, name))
}

/// The accounts that a search text names: the internal user with this e-mail address, the client with this username, or
/// the account `user:1` or `client:7`, which also names deleted accounts.
pub(crate) fn owners_of(connection: &mut Db, text: &str) -> Result<Vec<Principal>, StoreError> {
    let mut owners = Vec::new();
    if let Some((word, digits)) = text.split_once(':')
        && let (Some(user_type), Some(user_seq)) =
            (UserType::from_word(word), UserSeq::from_digits(digits))
    {
        owners.push(Principal {
            user_type,
            user_seq,
        });
    }
    if let Ok(email) = Email::parse(text) {
        owners.extend(find_by_login(
            connection,
            UserType::User,
            email.normalised(),
        )?);
    }
    if let Ok(username) = Username::parse(text) {
        owners.extend(find_by_login(
            connection,
            UserType::Client,
            username.normalised(),
        )?);
    }
    Ok(owners)
}
