//! Step-up authentication: before a change that could take over an account, an administrator enters the current password
//! again (ASVS 5.0 7.5.1), so that a stolen token or an unlocked browser does not suffice.
//!
//! The password is needed to create or activate an administrator, to change a role to or from it, to change the e-mail
//! address of an administrator (one's own included), to set the password of another account, and to issue a link that sets
//! a password.

use crate::domain::account::{Account, Email, Role};
use crate::domain::audit::{Action, Actor};
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserSeq};
use crate::domain::problem::{Problem, Problems};
use crate::services::accounts::client_users::{self, Client, ClientChanges};
use crate::services::accounts::current_password;
use crate::services::accounts::password_links::{self, Issued};
use crate::services::accounts::users::{NewUser, User, UserChanges, find};
use crate::services::accounts::{client_user_changes, user_changes};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::login_context::LoginContext;

/// An administrator who requests a change, and the current password if one was entered.
pub struct Requester<'a> {
    /// The administrator's account.
    pub account: &'a Account,
    /// The request.
    pub login_context: LoginContext,
    /// The current password as entered.
    pub password: Option<Password>,
}

impl Requester<'_> {
    fn actor(&self) -> &Actor {
        &self.login_context.actor
    }

    /// Checks the current password. A wrong one counts as a failed login.
    async fn confirm(&self, services: &Services) -> Result<(), Error> {
        let Some(password) = self.password.clone() else {
            return Err(Error::CurrentPasswordRequired);
        };
        let refused = Action::CurrentPasswordRefused;
        let (context, account) = (&self.login_context, self.account);
        let verified = current_password::verify(services, context, account, password, refused);
        let attempt = Box::pin(verified).await?.attempt;
        let reset = attempt.counter_reset();
        let counted = services
            .store
            .write(move |connection| Ok::<_, Error>(reset.apply(connection)?))
            .await;
        attempt.finish(counted).await
    }
}

/// [`user_changes::create`] by an administrator.
///
/// # Errors
/// As there, [`Error::CurrentPasswordRequired`], [`Error::Invalid`] if the current password is wrong (`current`), and
/// [`Error::RateLimited`] after too many wrong ones.
pub async fn create_user(
    services: &Services,
    by: &Requester<'_>,
    new: NewUser,
) -> Result<User, Error> {
    if new.role == Role::Admin {
        by.confirm(services).await?;
    }
    user_changes::create(services, by.actor(), new).await
}

/// [`user_changes::update`] by an administrator. One's own password is not changed here, because the session that changes
/// it is to continue: see [`super::own_account::change_password`].
///
/// # Errors
/// As [`create_user`] and [`user_changes::update`]; [`Error::Invalid`] for one's own password (`password`).
pub async fn update_user(
    services: &Services,
    by: &Requester<'_>,
    user_seq: UserSeq,
    changes: UserChanges,
) -> Result<User, Error> {
    let is_own = by.account.principal == Principal::user(user_seq);
    if is_own && changes.password.is_some() {
        return Err(Error::Invalid(Problems::one(
            "password",
            Problem::OwnPassword,
        )));
    }
    let old = find(services, user_seq).await?;
    if takes_over(&old, &changes) {
        by.confirm(services).await?;
    }
    user_changes::update(services, by.actor(), user_seq, changes).await
}

/// Whether a change sets a password, makes an administrator (also by activating one), or changes the role or the e-mail
/// address of one. The role, because the address could be changed without the password once the role is another one.
fn takes_over(old: &User, changes: &UserChanges) -> bool {
    let is_admin = old.role == Role::Admin;
    let new_email = changes.email.as_ref().map(Email::as_typed);
    let new_role = changes.role.unwrap_or(old.role);
    changes.password.is_some()
        || is_admin != (new_role == Role::Admin)
        || (is_admin && !old.is_active && changes.is_active == Some(true))
        || (is_admin && new_email.is_some_and(|email| email != old.email))
}

/// [`client_user_changes::update`] by an administrator.
///
/// # Errors
/// As [`create_user`] and [`client_user_changes::update`].
pub async fn update_client(
    services: &Services,
    by: &Requester<'_>,
    user_seq: UserSeq,
    changes: ClientChanges,
) -> Result<Client, Error> {
    if matches!(changes.password, Some(Some(_))) {
        // An unknown client is not found, whether or not a password was sent.
        client_users::find(services, user_seq).await?;
        by.confirm(services).await?;
    }
    client_user_changes::update(services, by.actor(), user_seq, changes).await
}

/// [`password_links::issue`] by an administrator.
///
/// # Errors
/// As [`create_user`] and [`password_links::issue`].
pub async fn issue_link(
    services: &Services,
    by: &Requester<'_>,
    owner: Principal,
    url_of: impl Fn(&str) -> String,
) -> Result<Issued, Error> {
    by.confirm(services).await?;
    password_links::issue(services, by.actor(), owner, url_of).await
}
