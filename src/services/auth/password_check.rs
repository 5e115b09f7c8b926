//! Comparing a password with the hash of an account, and hashing it again when the configured cost was raised.

use crate::domain::account::Account;
use crate::domain::audit::Actor;
use crate::domain::password::Password;
use crate::services::account_lookup::find_with_hash_by_login;
use crate::services::accounts::changes::replace_hash;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::networks::widest_network;
use crate::services::passwords::PasswordCheck;
use crate::services::passwords::lanes::Priority;

/// How often a password is compared when the hash has changed meanwhile: another login may have hashed it again.
pub(super) const MAX_CHECKS: usize = 3;

/// A password that was right.
pub(super) struct RightPassword {
    /// The account by its row before the comparison.
    pub(super) account: Account,
    /// The hash that it was compared with. It may have changed since.
    pub(super) hash: String,
    password: Password,
    needs_rehash: bool,
}

/// Compares a password with that of the active account of this login name; `None` if it is wrong or there is none, after
/// the same time.
///
/// # Errors
/// [`Error::Overloaded`], and the store's.
pub(super) async fn check(
    services: &Services,
    login_name: &LoginName,
    actor: &Actor,
    password: &Password,
) -> Result<Option<RightPassword>, Error> {
    let (user_type, name) = (login_name.user_type, login_name.stored().to_owned());
    let candidate = services
        .store
        .read(move |connection| find_with_hash_by_login(connection, user_type, &name))
        .await?
        .filter(|(account, _)| account.is_active)
        .and_then(|(account, hash)| Some((account, hash?)));
    // Without a candidate a dummy hash is verified, so that the response time does not show which accounts exist.
    let hash = candidate.as_ref().map(|(_, hash)| hash.clone());
    let priority = match (login_name.principal, &login_name.device) {
        (Some(owner), Some(_)) => Priority::Account(owner.to_string()),
        _ => Priority::Network(widest_network(actor.ip_address)),
    };
    let passwords = &services.passwords;
    let check = passwords.verify(password.clone(), hash, priority).await?;
    let (Some((account, hash)), PasswordCheck::Right { needs_rehash }) = (candidate, check) else {
        return Ok(None);
    };
    Ok(Some(RightPassword {
        account,
        hash,
        password: password.clone(),
        needs_rehash,
    }))
}

impl RightPassword {
    /// Hashes the password again in the background if the configured cost was raised. The hash is replaced only if it has
    /// not changed meanwhile; if the queue of the password pool is full, the next login tries again.
    pub(super) fn rehash_later(self, services: &Services) {
        if !self.needs_rehash {
            return;
        }
        let (passwords, store) = (services.passwords.clone(), services.store.clone());
        let (principal, old) = (self.account.principal, self.hash);
        tokio::spawn(async move {
            let priority = Priority::Network("rehash".to_owned());
            let Ok(new) = passwords.hash(self.password, priority).await else {
                return;
            };
            let replaced = store
                .write(move |connection| replace_hash(connection, principal, &old, &new))
                .await;
            match replaced {
                Ok(true) => {
                    tracing::info!(%principal, "the password was hashed again with the configured cost");
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%principal, %error, "the new password hash was not stored");
                }
            }
        });
    }
}
