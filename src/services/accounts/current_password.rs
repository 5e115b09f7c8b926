//! Checking the current password of an account: all checks, of either population and from either interface, are made here.

use crate::domain::account::Account;
use crate::domain::audit::{Action, Subject};
use crate::domain::limits::LimitKind;
use crate::domain::password::Password;
use crate::domain::principal::Principal;
use crate::domain::problem::{Problem, Problems};
use crate::services::account_lookup::find_with_hash;
use crate::services::audit::log::Event;
use crate::services::audit::recording::record;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::attempts::{self, Attempt};
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::passwords::PasswordCheck;
use crate::services::passwords::lanes::Priority;

/// A current password that was right.
pub(super) struct Verified {
    /// To be finished with the change.
    pub(super) attempt: Attempt,
    /// The stored hash.
    pub(super) hash: String,
    /// The known device.
    pub(super) device: Option<String>,
}

/// Verifies the current password of an account. A wrong password counts as a failed login and is recorded as a refused
/// `action`. An account without a password gets the response and the timing of a wrong one.
///
/// # Errors
/// [`Error::Invalid`] if the password is wrong (`current`), [`Error::RateLimited`] after too many wrong ones,
/// [`Error::Overloaded`], and errors of the store.
pub(super) async fn verify(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    password: Password,
    action: Action,
) -> Result<Verified, Error> {
    let login_name = LoginName::of(services, account, login_context).await?;
    let actor = &login_context.actor;
    let attempt = attempts::begin(services, LimitKind::Login, &login_name, actor).await?;
    match known_hash(services, account.principal, password).await {
        Ok(Some(hash)) => Ok(Verified {
            attempt,
            hash,
            device: login_name.device,
        }),
        Ok(None) => {
            attempt.fail().await;
            let event = Event::new(action).refused().to(Subject::of(account));
            record(services, actor.clone(), event).await?;
            Err(wrong_password())
        }
        // The password was not checked: the attempt does not count.
        Err(error) => Box::pin(attempt.finish(Err(error))).await,
    }
}

/// The stored hash if the password is right.
pub(super) async fn known_hash(
    services: &Services,
    owner: Principal,
    password: Password,
) -> Result<Option<String>, Error> {
    let stored = services
        .store
        .read(move |connection| find_with_hash(connection, owner))
        .await?
        .and_then(|(_, hash)| hash);
    // The caller is authenticated.
    let priority = Priority::Account(owner.to_string());
    let passwords = &services.passwords;
    let check = passwords.verify(password, stored.clone(), priority).await?;
    Ok(stored.filter(|_| matches!(check, PasswordCheck::Right { .. })))
}

/// The error of a wrong current password.
pub(super) fn wrong_password() -> Error {
    Error::Invalid(Problems::one("current", Problem::WrongPassword))
}
