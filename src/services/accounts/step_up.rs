//! Step-up authentication: before a change that could take over an account, an administrator enters the current password
//! again (ASVS 5.0 7.5.1), so that a stolen token or an unlocked browser does not suffice. In the panel an account with a second
//! factor enters that one, and a proof of the last ten minutes is enough. With the API it must have proved it in the last five
//! minutes.
//!
//! The password is needed to create or activate a user who may change accounts, to change a role to or from such rights (in the
//! panel: any role), to set the password of
//! another account, to issue a link that sets a password, and to set or verify an e-mail address or set a telephone number of
//! an account: links and one-time codes are sent there. Removing a client's address or number needs none. What identifies a user in the
//! tokens for other services (`simplejwt.user_id_field`) needs it too.
//!
//! Nobody gives, or takes over, a user with rights that are not the requester's own: a role that may change accounts only
//! at `/api` would otherwise be one with all rights.

use crate::config::{Rights, UserIdField};
use crate::domain::account::{Account, Email, Phone};
use crate::domain::audit::Actor;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::problem::{Problem, Problems};
use crate::services::accounts::bulk;
use crate::services::accounts::bulk_request::BulkRequest;
use crate::services::accounts::client_users::{self, Client, ClientChanges};
use crate::services::accounts::own_account::KeptSession;
use crate::services::accounts::password_links::{self, Handover, Issued};
use crate::services::accounts::reauthentication::{self, Reproof};
use crate::services::accounts::users::{NewUser, User, UserChanges, find};
use crate::services::accounts::{client_user_changes, lifecycle, user_changes};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::login_context::LoginContext;
use crate::services::maintenance::jobs::Started;
use crate::services::second_factors::enrolment;

/// An administrator who requests a change, and the current password or the second factor if one was entered.
pub struct Requester<'a> {
    /// The administrator's account.
    pub account: &'a Account,
    /// The request.
    pub login_context: LoginContext,
    /// The current password or the second factor as entered.
    pub proof: Option<Reproof>,
    /// The session. In one of the panel a right proof is recorded: for ten minutes no other one is asked for.
    pub session: KeptSession,
    /// Whether the last proof in a session of the panel is that recent.
    pub is_recent: bool,
}

impl Requester<'_> {
    fn actor(&self) -> &Actor {
        &self.login_context.actor
    }

    /// Checks rights and password if a change of a user needs them.
    async fn confirm_takeover(
        &self,
        services: &Services,
        old: &User,
        changes: &UserChanges,
    ) -> Result<(), Error> {
        let new_role = changes.role.as_ref().unwrap_or(&old.role);
        let changes_role = self.is_in_panel() && *new_role != old.role;
        if !changes_role && !takes_over(services, old, changes) {
            return Ok(());
        }
        let rights = [&old.role, new_role].map(|role| services.roles.rights(role));
        self.confirm_for(services, &rights).await
    }

    /// Checks the requester's rights against those of a user who is to be created or taken over, then the current password.
    async fn confirm_for(&self, services: &Services, rights: &[Rights]) -> Result<(), Error> {
        let own = services.roles.rights_of(self.account);
        if !rights.iter().all(|rights| own.covers(*rights)) {
            return Err(Error::Forbidden);
        }
        self.confirm(services).await
    }

    /// Checks the current password or the second factor. A wrong one counts as a failed login. With the API an account that has
    /// a second factor must have proved it lately; its password, if it is sent, must be right too.
    async fn confirm(&self, services: &Services) -> Result<(), Error> {
        let (context, account) = (&self.login_context, self.account);
        let (is_proved, session) = match &self.session {
            KeptSession::Browser(_) => (self.is_recent, Some(self.session.clone())),
            KeptSession::Tokens(id) => {
                let owner = account.principal;
                let proved = reauthentication::require_factor(services, owner, id).await?;
                (proved && self.proof.is_none(), None)
            }
        };
        if is_proved {
            return Ok(());
        }
        let proof = self.proof.clone().ok_or(Error::CurrentPasswordRequired)?;
        reauthentication::confirm(services, context, account, session, proof).await
    }

    /// Whether the request is one of the panel.
    fn is_in_panel(&self) -> bool {
        matches!(self.session, KeptSession::Browser(_))
    }
}

/// Checks the current password or the second factor for a change that is none of an account, or that is confirmed in the panel only.
///
/// # Errors
/// As [`create_user`], without those of the change.
pub async fn confirm(services: &Services, by: &Requester<'_>) -> Result<(), Error> {
    by.confirm(services).await
}

/// [`user_changes::create`] by an administrator.
///
/// # Errors
/// As there, [`Error::CurrentPasswordRequired`], [`Error::Invalid`] if the current password is wrong (`current`), and
/// [`Error::RateLimited`] after too many wrong ones; [`Error::Forbidden`] for a user with rights that the requester does not
/// have.
pub async fn create_user(
    services: &Services,
    by: &Requester<'_>,
    new: NewUser,
) -> Result<User, Error> {
    let rights = services.roles.rights(&new.role);
    if rights.can_write() {
        by.confirm_for(services, &[rights]).await?;
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
    by.confirm_takeover(services, &old, &changes).await?;
    user_changes::update(services, by.actor(), user_seq, changes).await
}

/// Whether a change sets a password or another e-mail address, makes a user who may change accounts (also by activating
/// one), changes the rights of one, or changes what identifies the user for other services.
fn takes_over(services: &Services, old: &User, changes: &UserChanges) -> bool {
    let roles = &services.roles;
    let identity = services.config.simplejwt.user_id_field;
    let old_rights = roles.rights(&old.role);
    let new_role = changes.role.as_ref().unwrap_or(&old.role);
    let new_rights = roles.rights(new_role);
    let new_email = changes.email.iter().flatten().map(Email::as_typed).next();
    changes.password.is_some()
        || (old_rights != new_rights && (old_rights.can_write() || new_rights.can_write()))
        || (old_rights.can_write() && !old.is_active && changes.is_active == Some(true))
        || new_email.is_some_and(|email| old.email.as_deref() != Some(email))
        || (changes.email_verified == Some(true) && old.email_verified == Some(false))
        || match identity {
            UserIdField::ExternalId => changes.external_id.is_some(),
            UserIdField::Username => changes.username.is_some(),
            UserIdField::Email => changes.email.is_some(),
            UserIdField::UserSeq => false,
        }
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
    // An unknown client is not found, whether or not a password was sent.
    let old = client_users::find(services, user_seq).await?;
    if takes_client_over(&old, &changes) {
        by.confirm(services).await?;
    }
    client_user_changes::update(services, by.actor(), user_seq, changes).await
}

/// Whether a change sets a password, or another e-mail address or telephone number. The first one too: an owner who logs in
/// with the password alone is taken over by a code that is sent to it.
fn takes_client_over(old: &Client, changes: &ClientChanges) -> bool {
    let email = changes.email.iter().flatten().map(Email::as_typed).next();
    let phone = changes.phone.iter().flatten().map(Phone::as_str).next();
    matches!(changes.password, Some(Some(_)))
        || email.is_some_and(|email| old.email.as_deref() != Some(email))
        || (changes.email_verified == Some(true) && old.email_verified == Some(false))
        || phone.is_some_and(|phone| old.phone.as_deref() != Some(phone))
}

/// [`lifecycle::set_active`] by an administrator, to activate an account.
///
/// # Errors
/// As [`create_user`] and [`lifecycle::set_active`].
pub async fn activate(
    services: &Services,
    by: &Requester<'_>,
    owner: Principal,
) -> Result<(), Error> {
    if owner.user_type == UserType::User {
        let activation = UserChanges {
            is_active: Some(true),
            ..UserChanges::default()
        };
        let old = find(services, owner.user_seq).await?;
        by.confirm_takeover(services, &old, &activation).await?;
    }
    lifecycle::set_active(services, by.actor(), owner, true).await
}

/// [`lifecycle::delete`] by an administrator in the panel.
///
/// # Errors
/// As [`create_user`] and [`lifecycle::delete`].
pub async fn delete(
    services: &Services,
    by: &Requester<'_>,
    owner: Principal,
) -> Result<(), Error> {
    by.confirm(services).await?;
    lifecycle::delete(services, by.actor(), owner).await
}

/// [`enrolment::remove_all`] by an administrator in the panel.
///
/// # Errors
/// As [`create_user`] and [`enrolment::remove_all`].
pub async fn remove_second_factor(
    services: &Services,
    by: &Requester<'_>,
    owner: Principal,
) -> Result<(), Error> {
    let mut rights = Rights::default();
    if owner.user_type == UserType::User {
        rights = services
            .roles
            .rights(&find(services, owner.user_seq).await?.role);
    }
    by.confirm_for(services, &[rights]).await?;
    enrolment::remove_all(services, by.actor(), owner).await
}

/// [`bulk::start`] by an administrator.
///
/// # Errors
/// As [`create_user`] and [`bulk::start`].
pub async fn start_bulk(
    services: &Services,
    by: &Requester<'_>,
    request: BulkRequest,
) -> Result<Started, Error> {
    by.confirm(services).await?;
    bulk::start(services, by.actor(), request).await
}

/// [`password_links::issue`] by an administrator.
///
/// # Errors
/// As [`create_user`] and [`password_links::issue`].
pub async fn issue_link(
    services: &Services,
    by: &Requester<'_>,
    owner: Principal,
    handover: Handover,
    url_of: impl Fn(&str) -> String,
) -> Result<Issued, Error> {
    let mut rights = Rights::default();
    if owner.user_type == UserType::User {
        rights = services
            .roles
            .rights(&find(services, owner.user_seq).await?.role);
    }
    by.confirm_for(services, &[rights]).await?;
    password_links::issue(services, by.actor(), owner, handover, url_of).await
}
