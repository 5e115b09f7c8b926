//! The login name that a caller submits, the account that has it, and the known device that it is submitted from.

use crate::domain::account::{Account, normalised_login};
use crate::domain::audit::Subject;
use crate::domain::principal::{Principal, UserType};
use crate::services::account_lookup::find_by_login;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::device_tokens;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::name_hash::NameHash;

/// A population and a normalised login name in it, whether or not such an account exists.
#[derive(Clone, Debug)]
pub struct LoginName {
    pub(crate) user_type: UserType,
    /// The account with this name.
    pub(crate) principal: Option<Principal>,
    /// The known device: the nonce of a valid device token of the account.
    pub(crate) device: Option<String>,
    /// Whether the account was inactive when it was looked up by this name.
    pub(in crate::services) is_inactive: bool,
    /// The hash of the name. Attempts are counted by it, so that the count is the same before and after the account, or
    /// its challenge, is stored.
    pub(in crate::services) hash: NameHash,
    stored: String,
}

impl LoginName {
    /// From the name as typed. Looks up the account, whether or not a device token is presented.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(
        services: &Services,
        user_type: UserType,
        typed: &str,
        login_context: &LoginContext,
    ) -> Result<Self, Error> {
        let name = normalised_login(typed);
        let searched = name.clone();
        let account = services
            .store
            .read(move |connection| find_by_login(connection, user_type, &searched))
            .await?;
        Ok(match account {
            // By its login name, whichever of its names was typed: attempts with both count together.
            Some(account) => Self::of(services, &account, login_context).await?,
            None => Self::unknown(user_type, NameHash::of(services, user_type, &name)),
        })
    }

    /// The login name of an account.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn of(
        services: &Services,
        account: &Account,
        login_context: &LoginContext,
    ) -> Result<Self, Error> {
        let name = account.normalised_login();
        let known = Self::known(services, account.principal, name, login_context).await?;
        Ok(Self {
            is_inactive: !account.is_active,
            ..known
        })
    }

    /// The normalised login name of an account.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::services) async fn known(
        services: &Services,
        owner: Principal,
        name: String,
        login_context: &LoginContext,
    ) -> Result<Self, Error> {
        Ok(Self {
            user_type: owner.user_type,
            principal: Some(owner),
            hash: NameHash::of(services, owner.user_type, &name),
            device: device_tokens::find_known(services, login_context, owner, &name).await?,
            is_inactive: false,
            stored: name,
        })
    }

    /// A name that no account has.
    pub(in crate::services) fn unknown(user_type: UserType, hash: NameHash) -> Self {
        Self {
            user_type,
            principal: None,
            device: None,
            is_inactive: false,
            hash,
            stored: hash.to_string(),
        }
    }

    /// The name as it is stored: that of an account in clear, any other as its hash.
    pub(in crate::services) fn stored(&self) -> &str {
        &self.stored
    }

    /// The subject of an audit event about this login name.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            principal: self.principal,
            name: Some(self.stored.clone()),
        }
    }
}
