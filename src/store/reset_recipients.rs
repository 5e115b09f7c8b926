//! Who gets a link that resets a forgotten password: active accounts with a verified e-mail address, in either population.

use diesel::{dsl::max, prelude::*};

use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::store::engine::connection::Db;
use crate::store::error::StoreError;
use crate::store::schema::{client_users, users};

/// An account, and its verified address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetRecipient {
    /// The account.
    pub owner: Principal,
    /// The login name of the account.
    pub login: String,
    /// The e-mail address.
    pub email: String,
}

/// Finds the internal user with this normalised e-mail address, or the client with this normalised username.
///
/// An aggregate returns one row whether or not the account exists, so that the query takes the same time.
pub fn find(
    connection: &mut Db,
    user_type: UserType,
    name: &str,
) -> Result<Option<ResetRecipient>, StoreError> {
    type Found = (Option<UserSeq>, Option<String>, Option<String>);
    let (id, login, email): Found = match user_type {
        UserType::User => users::table
            .filter(users::email_normalized.eq(name))
            .filter(users::is_active.eq(true))
            .filter(users::email_verified_at.is_not_null())
            .select((max(users::id), max(users::email), max(users::email)))
            .get_result(connection)?,
        UserType::Client => client_users::table
            .filter(client_users::username_normalized.eq(name))
            .filter(client_users::is_active.eq(true))
            .filter(client_users::email_verified_at.is_not_null())
            .select((
                max(client_users::id),
                max(client_users::username),
                max(client_users::email),
            ))
            .get_result(connection)?,
    };
    let found = id.zip(login).zip(email);
    Ok(found.map(|((id, login), email)| ResetRecipient {
        owner: Principal::new(user_type, id),
        login,
        email,
    }))
}
