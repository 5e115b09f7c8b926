//! The owners of tokens, and lists that are filtered by owner.

use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::services::account_lookup::{Matches, matches_of};
use crate::store::{Db, StoreError};

/// The account that a token was issued to.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Population and number.
    pub principal: Principal,
    /// The login name; `None` if the account does not exist any more.
    pub login: Option<String>,
    /// The display name; empty if the account does not exist any more.
    pub name: String,
}

impl Owner {
    /// The account with the names that a row has; without names it does not exist any more.
    #[must_use]
    pub fn new(
        user_type: UserType,
        user_seq: UserSeq,
        login: Option<String>,
        name: Option<String>,
    ) -> Self {
        Self {
            principal: Principal::new(user_type, user_seq),
            login,
            name: name.unwrap_or_default(),
        }
    }
}

/// The rows of a list that can be filtered by account.
#[derive(Clone, Debug)]
pub enum ByOwner<T> {
    /// The rows.
    Found(T),
    /// No account fits the filter.
    NoAccount,
    /// Too many accounts fit the filter.
    TooManyAccounts,
}

impl<T> ByOwner<T> {
    /// Changes the rows.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> ByOwner<U> {
        match self {
            Self::Found(rows) => ByOwner::Found(change(rows)),
            Self::NoAccount => ByOwner::NoAccount,
            Self::TooManyAccounts => ByOwner::TooManyAccounts,
        }
    }
}

impl<T> ByOwner<Vec<T>> {
    /// The rows; none where no account, or too many, fit the filter.
    #[must_use]
    pub fn or_none(self) -> Vec<T> {
        match self {
            Self::Found(rows) => rows,
            Self::NoAccount | Self::TooManyAccounts => Vec::new(),
        }
    }
}

/// Reads rows with the owners that the text of a filter fits; `None` for a query without this filter.
pub(in crate::services) fn with_owners<T>(
    connection: &mut Db,
    text: Option<&str>,
    read: impl FnOnce(&mut Db, Option<Vec<Principal>>) -> Result<T, StoreError>,
) -> Result<ByOwner<T>, StoreError> {
    let owners = match text.map(|text| matches_of(connection, text)).transpose()? {
        None => None,
        Some(Matches::Few(owners)) if owners.is_empty() => return Ok(ByOwner::NoAccount),
        Some(Matches::Few(owners)) => Some(owners),
        Some(Matches::TooMany) => return Ok(ByOwner::TooManyAccounts),
    };
    Ok(ByOwner::Found(read(connection, owners)?))
}
