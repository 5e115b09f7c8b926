//! The login name that a caller submits.

use crate::domain::account::{Account, Email, Username};
use crate::domain::audit::Subject;
use crate::domain::principal::{Principal, UserType};
use crate::domain::text::{normalised, normalised_email};
use crate::services::account_lookup::find_by_login;
use crate::services::secret;
use crate::store::{Db, StoreError};

/// A population and a normalised login name in it, whether or not such an account exists.
#[derive(Clone, Debug)]
pub struct LoginName {
    pub(crate) user_type: UserType,
    pub(crate) name: String,
}

impl LoginName {
    /// From the name as typed.
    #[must_use]
    pub fn new(user_type: UserType, typed: &str) -> Self {
        Self {
            user_type,
            name: match user_type {
                UserType::User => normalised_email(typed),
                UserType::Client => normalised(typed),
            },
        }
    }

    /// The login name of an account.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self::new(account.principal.user_type, account.login())
    }

    /// The account with this login name.
    pub(crate) fn find(&self, connection: &mut Db) -> Result<Option<Principal>, StoreError> {
        find_by_login(connection, self.user_type, &self.name)
    }

    /// The name, if it is valid as one. An invalid one may be a password typed into the wrong field and is never
    /// stored.
    pub(super) fn valid_name(&self) -> Option<String> {
        let is_valid = match self.user_type {
            UserType::User => Email::parse(&self.name).is_ok(),
            UserType::Client => Username::parse(&self.name).is_ok(),
        };
        is_valid.then(|| self.name.clone())
    }

    /// The name as part of a bucket's name: an invalid one by its hash.
    pub(super) fn bucket_key(&self) -> String {
        self.valid_name()
            .unwrap_or_else(|| format!("#{}", secret::hash(&self.name)))
    }

    /// The subject of an audit event about this login name.
    pub(crate) fn subject(&self, principal: Option<Principal>) -> Subject {
        Subject {
            principal,
            name: self.valid_name(),
        }
    }
}
