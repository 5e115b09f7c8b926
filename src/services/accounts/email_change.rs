//! Changes of the e-mail address by the owner of an account: a link is mailed to the new address, which replaces the old one
//! when the link is used.

use crate::clock::Timestamp;
use crate::config::{OtpConfig, RolesConfig};
use crate::delivery::{ChangeNotice, DeliveryOutcome, LinkNotice};
use crate::domain::account::{Account, Email};
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::delivery::DeliveryKind;
use crate::domain::language::Language;
use crate::domain::limits::LimitKind;
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserType};
use crate::services::account_lookup::{find_account, find_language};
use crate::services::accounts::change_notices::{self, ChangeMails};
use crate::services::accounts::changes::{conflict_of, lock_account};
use crate::services::accounts::client_users::ClientChanges;
use crate::services::accounts::current_password;
use crate::services::accounts::users::UserChanges;
use crate::services::accounts::{client_user_changes, user_changes};
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::deliveries::row;
use crate::services::error::Error;
use crate::services::limits::addresses;
use crate::services::limits::attempts::Attempt;
use crate::services::limits::counting::CounterReset;
use crate::services::limits::login_context::LoginContext;
use crate::services::limits::login_name::LoginName;
use crate::services::limits::requests::{Requested, count_sent};
use crate::services::secret;
use crate::store::set_up_links::{EMAIL, NewLink};
use crate::store::{Db, Transaction, client_users, deliveries, set_up_links as table, users};

/// A new e-mail address for an account.
pub struct EmailRequest {
    /// The new address.
    pub new: Email,
    /// The current password as entered; none if the owner was proved otherwise.
    pub current: Option<Password>,
    /// The language of the mails, unless the owner has chosen one.
    pub language: Language,
}

/// Mails a link to the new address, and a notice to the old one. `url_of` builds the link from its secret.
///
/// # Errors
/// [`Error::Invalid`] if the current password is wrong (`current`), [`Error::RateLimited`] after too many wrong ones or too many
/// requests, [`Error::UserInactive`], [`Error::Overloaded`], and the store's.
pub async fn request(
    services: &Services,
    login_context: &LoginContext,
    account: &Account,
    request: EmailRequest,
    url_of: impl Fn(&str) -> String,
) -> Result<(), Error> {
    let (owner, action) = (account.principal, Action::EmailChangeRequested);
    let login_name = LoginName::of(services, account, login_context).await?;
    let mut attempt = None;
    if let Some(current) = request.current {
        let verified = current_password::verify(services, login_context, account, current, action);
        attempt = Some(Box::pin(verified).await?.attempt);
    }
    let secret = secret::generate()?;
    let (lifetime, now) = (
        services.config.login.link_lifetime.get(),
        services.clock.now(),
    );
    let link = NewLink {
        token_hash: secret::hash(&secret),
        purpose: EMAIL,
        user_type: Some(owner.user_type),
        user_seq: Some(owner.user_seq),
        created_at: now,
        expires_at: now + lifetime,
        email: Some(request.new.as_typed().to_owned()),
    };
    let id = link.token_hash.clone();
    let new = NewAddress {
        owner,
        email: request.new.as_typed().to_owned(),
        link,
        settings: services.config.otp.clone(),
        login_name,
        mails: ChangeMails::new(services).in_language(request.language),
        reset: attempt.as_ref().map(Attempt::counter_reset),
    };
    let stored = services
        .write_as(&login_context.actor, move |connection, audit_context| {
            new.store(connection, audit_context)
        })
        .await;
    let (account, language, notice) = match attempt {
        Some(attempt) => attempt.finish(stored).await?,
        None => stored?,
    };
    let (actor, new) = (&login_context.actor, request.new.as_typed());
    let language = language.unwrap_or(request.language);
    services.delivery.send_confirmation(LinkNotice {
        id,
        owner,
        login: account.login().to_owned(),
        email: new.to_owned(),
        url: url_of(&secret),
        is_first: false,
        expires_in: lifetime,
        language,
        request_id: actor.request_id.clone().unwrap_or_default(),
    });
    change_notices::send(services, notice);
    Ok(())
}

/// A link to a new address that is about to be stored.
struct NewAddress {
    owner: Principal,
    email: String,
    link: NewLink,
    settings: OtpConfig,
    login_name: LoginName,
    mails: ChangeMails,
    /// Of the attempts, if a password was verified.
    reset: Option<CounterReset>,
}

impl NewAddress {
    /// Counts, stores and records the link, and queues its mails. Returns the account, the language of its owner if it is known, and
    /// the notice to the old address.
    fn store(
        &self,
        connection: &mut Transaction<'_>,
        audit_context: &AuditContext,
    ) -> Result<(Account, Option<Language>, Option<ChangeNotice>), Error> {
        let (owner, now, new) = (self.owner, audit_context.now, &self.email);
        let account = lock_account(connection, owner)?;
        if !account.is_active {
            return Err(Error::UserInactive);
        }
        let (requested, name) = (Requested::EmailLink, &self.login_name);
        count_sent(connection, requested, &self.settings, name, audit_context)?;
        table::revoke(connection, owner, &[EMAIL], now)?;
        table::insert(connection, &self.link)?;
        let event = Event::new(Action::EmailChangeRequested)
            .to(Subject::of(&account))
            .with_detail("new_email", new);
        audit_context.record(connection, &event)?;
        let (hash, kind) = (&self.link.token_hash, DeliveryKind::EmailConfirmation);
        let mail = DeliveryOutcome::mail(hash, kind, owner, account.login(), new);
        deliveries::insert(connection, &row(&mail, now))?;
        let notice = self
            .mails
            .requested(connection, audit_context, &account, new)?;
        if let Some(reset) = &self.reset {
            reset.apply(connection)?;
        }
        let language = find_language(connection, owner)?;
        Ok((account, language, notice))
    }
}

/// The account of a link, and the address that it confirms.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The account.
    pub account: Account,
    /// The new address.
    pub email: String,
}

/// The account of a link, without using the link up; `None` if the link is not valid or the account is not active.
///
/// # Errors
/// [`Error::RateLimited`] after too many invalid links from this address, and the store's.
pub async fn check(
    services: &Services,
    actor: &Actor,
    secret: &str,
) -> Result<Option<Confirmation>, Error> {
    addresses::admit(services, LimitKind::Link, actor.ip_address).await?;
    let (hash, now) = (secret::hash(secret), services.clock.now());
    let found = services
        .store
        .read(move |connection| find(connection, &hash, now))
        .await?;
    if found.is_none() {
        addresses::record_failure(services, LimitKind::Link, actor).await?;
    }
    Ok(found)
}

fn find(connection: &mut Db, hash: &str, now: Timestamp) -> Result<Option<Confirmation>, Error> {
    let Some(link) = table::find_valid(connection, hash, &[EMAIL], now)? else {
        return Ok(None);
    };
    let Some((owner, email)) = link.owner().zip(link.email) else {
        return Ok(None);
    };
    let account = find_account(connection, owner)?;
    let active = account.filter(|account| account.is_active);
    Ok(active.map(|account| Confirmation { account, email }))
}

/// Changes the e-mail address by a link, and uses the link up; `None` if the link is not valid. Codes and links that were sent
/// to the old address end.
///
/// # Errors
/// [`Error::AlreadyExists`] if another user has the address meanwhile (the link stays valid then),
/// [`Error::RateLimited`] after too many invalid links from this address, and the store's.
pub async fn confirm(
    services: &Services,
    actor: Actor,
    secret: &str,
) -> Result<Option<Confirmation>, Error> {
    let Some(confirmation) = check(services, &actor, secret).await? else {
        return Ok(None);
    };
    let owner = confirmation.account.principal;
    let email = Email::parse(&confirmation.email)
        .map_err(|_| Error::Internal("the address of a link is not valid".into()))?;
    let (actor, token_hash) = (actor.known_as(&confirmation.account), secret::hash(secret));
    let (roles, mails) = (services.roles.clone(), ChangeMails::new(services));
    let changed = services
        .write_as(&actor, move |connection, audit_context| {
            // The account is always locked before the link, to prevent deadlocks.
            let old = match lock_account(connection, owner) {
                Ok(account) if account.is_active => account,
                Ok(_) | Err(Error::AccountNotFound(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            if !table::mark_used(connection, &token_hash, &[EMAIL], audit_context.now)? {
                return Ok(None);
            }
            let new = apply(connection, audit_context, &roles, owner, &email)?;
            let queued = mails.changed(connection, audit_context, (&old, &new), false)?;
            Ok(Some(queued))
        })
        .await
        .map_err(conflict_of)?;
    let Some(queued) = changed else {
        return Ok(None);
    };
    change_notices::send(services, queued);
    Ok(Some(confirmation))
}

/// Sets the verified address of an account whose row is locked.
fn apply(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    roles: &RolesConfig,
    owner: Principal,
    email: &Email,
) -> Result<Account, Error> {
    let missing = || Error::AccountNotFound(owner.user_type);
    let (email, verified) = (Some(Some(email.clone())), Some(true));
    Ok(match owner.user_type {
        UserType::User => {
            let old = users::find_by_id(connection, owner.user_seq)?.ok_or_else(missing)?;
            let changes = UserChanges {
                email,
                email_verified: verified,
                ..UserChanges::default()
            };
            user_changes::apply_changes(connection, audit_context, roles, &old, &changes, None)?
                .account()
        }
        UserType::Client => {
            let old = client_users::find_by_id(connection, owner.user_seq)?.ok_or_else(missing)?;
            let changes = ClientChanges {
                email,
                email_verified: verified,
                ..ClientChanges::default()
            };
            client_user_changes::apply_changes(connection, audit_context, &old, &changes, None)?
                .account()
        }
    })
}
