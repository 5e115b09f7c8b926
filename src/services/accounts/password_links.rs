//! One-time links to set the password of an account. Only the hash of a link's secret is stored.

use crate::clock::Timestamp;
use crate::delivery::LinkNotice;
use crate::domain::account::Account;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::language::Language;
use crate::domain::limits::LimitKind;
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserType};
use crate::domain::session::RevocationReason;
use crate::services::account_lookup::{find_language, find_with_hash};
use crate::services::accounts::change_notices::{self, Changed};
use crate::services::accounts::changes::{checked_hash, end_issued, lock_account};
use crate::services::accounts::client_users::ClientChanges;
use crate::services::accounts::users::UserChanges;
use crate::services::accounts::{client_user_changes, user_changes};
use crate::services::audit::log::Event;
use crate::services::auth::logout::end_all;
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::{addresses, locks};
use crate::services::secret;
use crate::store::set_up_links::{NewLink, PASSWORD};
use crate::store::{Db, StoreError, client_users, set_up_links as table, users};

/// The result of issuing a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It is mailed to this address.
    Sent(String),
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

/// Issues a link that sets the password of an account, and withdraws earlier ones. It is mailed if mail is configured and
/// the account has an address; otherwise it is returned, to be shown once. `url_of` builds the link from its secret.
///
/// # Errors
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn issue(
    services: &Services,
    actor: &Actor,
    owner: Principal,
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
    };
    let by_mail = services.delivery.sends_mail();
    let found = services
        .store
        .write(move |connection| {
            let found = lock(connection, owner)?;
            if !found.account.is_active {
                return Ok(found);
            }
            table::revoke(connection, owner, now)?;
            table::insert(connection, &new)?;
            let address = found.account.email.as_ref().filter(|_| by_mail);
            let mut event = Event::new(Action::LinkIssued)
                .to(Subject::of(&found.account))
                .with_detail("link", if address.is_some() { "mailed" } else { "shown" });
            if let Some(address) = address {
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
        owner,
        login,
        email: email.clone(),
        url,
        is_first: found.is_first,
        expires_in: lifetime,
        language: found.language.unwrap_or(services.config.language.default),
        request_id: actor.request_id.clone().unwrap_or_default(),
    });
    Ok(Issued::Sent(email))
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
    let Some(owner) = table::find_valid(connection, hash, PASSWORD, now)?.flatten() else {
        return Ok(None);
    };
    let found = find(connection, owner)?;
    Ok(found.filter(|owner| owner.account.is_active))
}

/// The expiry of the open link of an account.
///
/// # Errors
/// Errors of the store.
pub async fn find_open(services: &Services, owner: Principal) -> Result<Option<Timestamp>, Error> {
    let now = services.clock.now();
    Ok(services
        .store
        .read(move |connection| table::find_open(connection, owner, now))
        .await?)
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
    let at = services.clock.now();
    let owner = services
        .write_as(&actor, move |connection, audit_context| {
            let now = audit_context.now;
            // The account is always locked before the link, to prevent deadlocks.
            let owner = match lock(connection, principal) {
                Ok(owner) if owner.account.is_active => owner,
                Ok(_) | Err(Error::AccountNotFound(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            if !table::mark_used(connection, &token_hash, PASSWORD, now)? {
                return Ok(None);
            }
            let id = principal.user_seq;
            let hash = Some(password_hash.clone());
            match principal.user_type {
                UserType::User => {
                    let row = user_changes::changed_row(&UserChanges::default(), hash, now);
                    users::update(connection, id, &row)?;
                }
                UserType::Client => {
                    let changes = ClientChanges::default();
                    let row = client_user_changes::changed_row(&changes, Some(hash), now);
                    client_users::update(connection, id, &row)?;
                }
            }
            end_issued(connection, principal, None, now)?;
            let reason = RevocationReason::PasswordChanged;
            end_all(connection, principal, now, reason)?;
            let event = Event::new(Action::PasswordChanged)
                .to(Subject::of(&owner.account))
                .with_detail("link", "used");
            audit_context.record(connection, &event)?;
            locks::lift_all(connection, audit_context, principal)?;
            Ok(Some(owner))
        })
        .await?;
    // The owner of an account without a password has just set it up.
    if let Some(owner) = owner.as_ref().filter(|owner| !owner.is_first) {
        let changed = Changed::password(&owner.account, owner.language, at);
        change_notices::send(services, &actor, &changed);
    }
    Ok(owner)
}
