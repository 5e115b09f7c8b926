//! One-time links to set the password of an account. Only the hash of a link's secret is stored.

use crate::clock::Timestamp;
use crate::delivery::{DeliveryOutcome, LinkNotice};
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::delivery::DeliveryKind;
use crate::domain::language::Language;
use crate::domain::limits::LimitKind;
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::RevocationReason;
use crate::services::account_lookup::{find_language, find_with_hash};
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::{checked_hash, end_issued, lock_account};
use crate::services::accounts::client_users::ClientChanges;
use crate::services::accounts::users::UserChanges;
use crate::services::accounts::{client_user_changes, user_changes};
use crate::services::audit::log::Event;
use crate::services::auth::logout::end_all;
use crate::services::bootstrap::Services;
use crate::services::deliveries::row;
use crate::services::error::Error;
use crate::services::limits::{addresses, locks};
use crate::services::secret;
use crate::store::deliveries::DeliveryRow;
use crate::store::set_up_links::{NewLink, PASSWORD, SETTING_PASSWORDS};
use crate::store::{Db, StoreError, client_users, deliveries, set_up_links as table, users};

/// How a link gets to the owner of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// By mail if mail is configured and the account has an address, otherwise [`Handover::Show`].
    Mail,
    /// It is shown to the administrator, who passes it on.
    Show,
}

/// The result of issuing a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It is being mailed to this address.
    Queued(String),
    /// It is to be shown to the administrator, who passes it on.
    Shown {
        /// The link.
        url: String,
        /// The login name of the account.
        login: String,
        /// Until when it is valid.
        expires_at: Timestamp,
    },
    /// The account is not active, so that no link was issued.
    Inactive,
}

/// Issues a link that sets the password of an account, and withdraws earlier ones. `url_of` builds the link from its secret.
///
/// # Errors
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn issue(
    services: &Services,
    actor: &Actor,
    owner: Principal,
    handover: Handover,
    url_of: impl Fn(&str) -> String,
) -> Result<Issued, Error> {
    let audit_context = services.audit_context(actor);
    let (now, lifetime) = (audit_context.now, services.config.admin.link_lifetime.get());
    let secret = secret::generate()?;
    let new = NewLink {
        token_hash: secret::hash(&secret),
        purpose: PASSWORD,
        user_type: Some(owner.user_type),
        user_seq: Some(owner.user_seq),
        created_at: now,
        expires_at: now + lifetime,
        email: None,
    };
    let id = new.token_hash.clone();
    let by_mail = handover == Handover::Mail && services.delivery.sends_mail();
    let found = services
        .store
        .write(move |connection| {
            let found = lock(connection, owner)?;
            if !found.account.is_active {
                return Ok(found);
            }
            let address = found.account.email.as_ref().filter(|_| by_mail);
            table::revoke(connection, owner, &SETTING_PASSWORDS, now)?;
            let new = NewLink {
                email: address.cloned(),
                ..new.clone()
            };
            table::insert(connection, &new)?;
            let mut event = Event::new(Action::LinkIssued)
                .to(Subject::of(&found.account))
                .with_detail("link", if address.is_some() { "mailed" } else { "shown" });
            if let Some(address) = address {
                let (hash, account) = (&new.token_hash, &found.account);
                let kind = DeliveryKind::PasswordLink;
                let mail = DeliveryOutcome::mail(hash, kind, owner, account.login(), address);
                // After a crash it tells that the mail was not sent.
                deliveries::insert(connection, &row(&mail, now))?;
                event = event.with_detail("recipient", address);
            }
            audit_context.record(connection, &event)?;
            Ok::<_, Error>(found)
        })
        .await?;
    if !found.account.is_active {
        return Ok(Issued::Inactive);
    }
    let (url, login) = (url_of(&secret), found.account.login().to_owned());
    let Some(email) = found.account.email.clone().filter(|_| by_mail) else {
        return Ok(Issued::Shown {
            url,
            login,
            expires_at: now + lifetime,
        });
    };
    services.delivery.send_link(LinkNotice {
        id,
        owner,
        login,
        email: email.clone(),
        url,
        is_first: found.is_first,
        expires_in: lifetime,
        language: found.language.unwrap_or(services.config.language.default),
        request_id: actor.request_id.clone().unwrap_or_default(),
    });
    Ok(Issued::Queued(email))
}

/// A link that can still be used.
#[derive(Clone, Debug)]
pub struct OpenLink {
    /// Until when.
    pub expires_at: Timestamp,
    /// The mail with the link; `None` if it was shown to an administrator.
    pub mail: Option<DeliveryRow>,
    /// Whether the account has no password yet.
    pub is_first: bool,
}

/// The link of an account that can still be used.
///
/// # Errors
/// The store's.
pub async fn find_open(services: &Services, owner: Principal) -> Result<Option<OpenLink>, Error> {
    let now = services.clock.now();
    services
        .store
        .read(move |connection| {
            let Some((hash, expires_at)) = table::find_open(connection, owner, now)? else {
                return Ok(None);
            };
            let mail = deliveries::find(connection, &hash)?;
            let account = find(connection, owner)?;
            Ok(Some(OpenLink {
                expires_at,
                mail,
                is_first: account.is_some_and(|account| account.is_first),
            }))
        })
        .await
}

/// Withdraws the link of an account. Returns `false` if there was none.
///
/// # Errors
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn withdraw(services: &Services, actor: &Actor, owner: Principal) -> Result<bool, Error> {
    services
        .write_as(actor, move |connection, audit_context| {
            let found = lock(connection, owner)?;
            let is_done =
                table::revoke(connection, owner, &SETTING_PASSWORDS, audit_context.now)? > 0;
            if is_done {
                let event = Event::new(Action::LinkWithdrawn).to(Subject::of(&found.account));
                audit_context.record(connection, &event)?;
            }
            Ok(is_done)
        })
        .await
}

/// The account whose password a link sets.
#[derive(Clone, Debug)]
pub struct LinkOwner {
    /// The account.
    pub account: Account,
    /// Whether the account has no password yet.
    pub is_first: bool,
    /// The language of mails to the owner, if it is known.
    pub language: Option<Language>,
    /// The address that the link was mailed to.
    mailed_to: Option<String>,
}

impl LinkOwner {
    /// Whether the use of the link verifies the address of the account.
    fn verifies_address(&self) -> bool {
        let account = &self.account;
        account.email_verified_at.is_none()
            && self.mailed_to.is_some()
            && self.mailed_to == account.email
    }
}

/// Finds an account.
fn find(connection: &mut Db, owner: Principal) -> Result<Option<LinkOwner>, StoreError> {
    let Some((account, hash)) = find_with_hash(connection, owner)? else {
        return Ok(None);
    };
    Ok(Some(LinkOwner {
        account,
        is_first: hash.is_none(),
        language: find_language(connection, owner)?,
        mailed_to: None,
    }))
}

/// The same, with its row locked until the transaction ends.
fn lock(connection: &mut Db, owner: Principal) -> Result<LinkOwner, Error> {
    lock_account(connection, owner)?;
    find(connection, owner)?.ok_or(Error::AccountNotFound(owner.user_type))
}

/// The account of a link, without using the link up; `None` if the link is not valid or the account is not active.
///
/// # Errors
/// [`Error::RateLimited`] after too many invalid links from this address, and errors of the store.
pub async fn check(
    services: &Services,
    actor: &Actor,
    secret: &str,
) -> Result<Option<LinkOwner>, Error> {
    addresses::admit(services, LimitKind::Link, actor.ip_address).await?;
    let (hash, now) = (secret::hash(secret), services.clock.now());
    let found = services
        .store
        .read(move |connection| find_owner(connection, &hash, now))
        .await?;
    if found.is_none() {
        addresses::record_failure(services, LimitKind::Link, actor).await?;
    }
    Ok(found)
}

fn find_owner(
    connection: &mut Db,
    hash: &str,
    now: Timestamp,
) -> Result<Option<LinkOwner>, StoreError> {
    let Some(link) = table::find_valid(connection, hash, &SETTING_PASSWORDS, now)? else {
        return Ok(None);
    };
    let found = link
        .owner()
        .map(|owner| find(connection, owner))
        .transpose()?;
    let active = found.flatten().filter(|owner| owner.account.is_active);
    Ok(active.map(|owner| LinkOwner {
        mailed_to: link.email,
        ..owner
    }))
}

/// Sets a password by a link, uses the link up, and ends all sessions of the account; `None` if the link is not valid.
///
/// # Errors
/// [`Error::Invalid`] if the password violates the policy (the link stays valid then), [`Error::Overloaded`], and errors
/// of the store.
pub async fn set_password(
    services: &Services,
    actor: Actor,
    secret: &str,
    password: Password,
) -> Result<Option<LinkOwner>, Error> {
    let Some(owner) = check(services, &actor, secret).await? else {
        return Ok(None);
    };
    let account = &owner.account;
    let password_hash = checked_hash(services, password, &account.identifiers()).await?;
    let principal = account.principal;
    let (actor, token_hash) = (actor.known_as(account), secret::hash(secret));
    let mailed_to = owner.mailed_to.clone();
    let mails = ChangeMails::new(services);
    let set = services
        .write_as(&actor, move |connection, audit_context| {
            let now = audit_context.now;
            // The account is always locked before the link, to prevent deadlocks.
            let owner = match lock(connection, principal) {
                Ok(owner) if owner.account.is_active => LinkOwner {
                    mailed_to: mailed_to.clone(),
                    ..owner
                },
                Ok(_) | Err(Error::AccountNotFound(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            if !table::mark_used(connection, &token_hash, &SETTING_PASSWORDS, now)? {
                return Ok(None);
            }
            store_password(connection, &owner, &password_hash, now)?;
            end_issued(connection, principal, None, now)?;
            let reason = RevocationReason::PasswordChanged;
            end_all(connection, principal, now, reason)?;
            let mut event = Event::new(Action::PasswordChanged)
                .to(Subject::of(&owner.account))
                .with_detail("link", "used");
            if owner.verifies_address() {
                event = event.with_detail("email_verified", true);
            }
            audit_context.record(connection, &event)?;
            locks::lift_all(connection, audit_context, principal)?;
            let accounts = (&owner.account, &owner.account);
            // The owner of an account without a password has just set it up.
            let queued = mails.changed(connection, audit_context, accounts, !owner.is_first)?;
            Ok(Some((owner, queued)))
        })
        .await?;
    let Some((owner, queued)) = set else {
        return Ok(None);
    };
    change_notices::send(services, queued);
    Ok(Some(owner))
}

/// Stores a new password; if the link was mailed to the address of the account, the address is verified.
fn store_password(
    connection: &mut Db,
    owner: &LinkOwner,
    hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let principal = owner.account.principal;
    let (id, hash) = (principal.user_seq, Some(hash.to_owned()));
    let verified = owner.verifies_address().then_some(Some(now));
    match principal.user_type {
        UserType::User => {
            let mut row = user_changes::changed_row(&UserChanges::default(), hash, now);
            row.email_verified_at = verified;
            users::update(connection, id, &row)?;
        }
        UserType::Client => {
            let changes = ClientChanges::default();
            let mut row = client_user_changes::changed_row(&changes, Some(hash), now);
            row.email_verified_at = verified;
            client_users::update(connection, id, &row)?;
        }
    }
    Ok(())
}
