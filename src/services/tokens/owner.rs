//! The owners of tokens, and lists that are filtered by owner.

use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::services::account_lookup::owners_of;
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
    pub(super) fn new(
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

/// The owners that a query names; `None` if it does not filter by owner.
pub(super) fn find_owners(
    connection: &mut Db,
    text: Option<&str>,
) -> Result<Option<Vec<Principal>>, StoreError> {
    text.map(|text| owners_of(connection, text)).transpose()
}
