//! Which second factors an account has, and whether it must have one.

use std::sync::Arc;

use crate::config::{PanelAccess, RolesConfig, SecondFactorDuty};
use crate::domain::account::Account;
use crate::domain::principal::Principal;
use crate::domain::second_factor::SecondFactorMethod;
use crate::domain::session::LoginMethod;
use crate::services::bootstrap::Services;
use crate::store::{Db, StoreError, passkeys, recovery_codes, totp_factors};

/// How an account can prove its second factor; empty if it has none. Recovery codes alone are no factor.
pub(crate) fn methods_of(
    connection: &mut Db,
    owner: Principal,
) -> Result<Vec<SecondFactorMethod>, StoreError> {
    let totp = totp_factors::find(connection, owner)?;
    let mut methods = Vec::new();
    if totp.is_some_and(|row| row.confirmed_at.is_some()) {
        methods.push(SecondFactorMethod::Totp);
    }
    if passkeys::exists(connection, owner)? {
        methods.push(SecondFactorMethod::Passkey);
    }
    if !methods.is_empty() && recovery_codes::count_unused(connection, owner)? > 0 {
        methods.push(SecondFactorMethod::RecoveryCode);
    }
    Ok(methods)
}

/// Which accounts must have a second factor.
#[derive(Clone)]
pub(crate) struct Duty {
    duty: SecondFactorDuty,
    roles: Arc<RolesConfig>,
}

impl Duty {
    pub(crate) fn new(services: &Services) -> Self {
        Self {
            duty: services.config.login.second_factor,
            roles: Arc::clone(&services.roles),
        }
    }

    /// Whether an account that has logged in by this method must have a second factor. A one-time code proves the possession
    /// of a mailbox or a telephone: the duty is one of passwords.
    pub(crate) fn applies(&self, account: &Account, method: LoginMethod) -> bool {
        if method != LoginMethod::Password {
            return false;
        }
        match self.duty {
            SecondFactorDuty::Optional => false,
            SecondFactorDuty::Administrators => {
                self.roles.rights_of(account).panel != PanelAccess::None
            }
            SecondFactorDuty::All => true,
        }
    }
}
