//! One-time links: to make the first administrator, and to set the password of an account. What is stored of a link is the
//! hash of its secret; the secret itself goes out once, to whom it is meant for.

use crate::{
    clock::Timestamp,
    delivery::LinkNotice,
    domain::{
        account::Account,
        audit::{Action, Actor, Subject},
        language::Language,
        limits::LimitKind,
        password::Password,
        principal::{Principal, UserType},
        session::RevocationReason,
    },
    services::{
        accounts::{client_user_changes, user_changes, users::checked_hash},
        audit::log::Event,
        auth::logout::end_all,
        bootstrap::Services,
        error::{Error, Missing},
        limits::{addresses, locks},
        secret,
    },
    store::{
        Db, StoreError, client_users as clients_table, panel_preferences, set_up_links as table,
        set_up_links::{NewLink, PASSWORD},
        users as users_table,
    },
};

/// Longer than any secret of ours: it need not be hashed to be unknown.
const LONGEST: usize = 64;

/// The hash of a secret, if it can be one of ours.
pub(crate) fn hashed(secret: &str) -> Option<String> {
    (secret.len() <= LONGEST).then(|| secret::hash(secret))
}

/// What became of the wish for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It goes to this address by mail.
    Sent(String),
    /// It is to be handed over by whoever asked for it.
    Shown {
        /// The link.
        url: String,
        /// By which name its owner logs in.
        login: String,
        /// Until when it is good.
        expires_at: Timestamp,
    },
    /// The account is not active: a password would be of no use to it.
    Inactive,
}

/// Makes a link that sets the password of an account, in the place of those before. It goes by mail where mail is configured
/// and the owner has an address; else it is given back, to be shown once. `url_of` makes the link of its secret.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn issue(
    services: &Services,
    actor: &Actor,
    owner: Principal,
    url_of: impl Fn(&str) -> String,
) -> Result<Issued, Error> {
    let (now, lifetime) = (
        services.clock.now(),
        services.config.admin.link_lifetime.get(),
    );
    let secret = secret::fresh()?;
    let new = NewLink {
        token_hash: secret::hash(&secret),
        purpose: PASSWORD,
        user_type: Some(owner.user_type),
        user_seq: Some(owner.user_seq),
        created_at: now,
        expires_at: now + lifetime,
    };
    let (by_mail, audit_context) = (
        services.delivery.sends_mail(),
        services.audit_log.audit_context(actor, now),
    );
    let found = services
        .store
        .write(move |connection| {
            let found = lock(connection, owner)?
                .ok_or(Error::AccountNotFound(Missing::of(owner.user_type)))?;
            if !found.account.is_active {
                return Ok(found);
            }
            table::revoke(connection, owner, now)?;
            table::insert(connection, &new)?;
            let address = found.account.email.as_ref().filter(|_| by_mail);
            let mut event = Event::new(Action::LinkIssued)
                .to(Subject::account(owner, found.login()))
                .noting("link", if address.is_some() { "mailed" } else { "shown" });
            if let Some(address) = address {
                event = event.noting("recipient", address);
            }
            audit_context.record(connection, &event)?;
            Ok::<_, Error>(found)
        })
        .await?;
    if !found.account.is_active {
        return Ok(Issued::Inactive);
    }
    let (url, login) = (url_of(&secret), found.login().to_owned());
    let Some(email) = found.account.email.clone().filter(|_| by_mail) else {
        let expires_at = now + lifetime;
        return Ok(Issued::Shown {
            url,
            login,
            expires_at,
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

/// Whose password a link sets.
#[derive(Clone, Debug)]
pub struct LinkOwner {
    /// The account.
    pub account: Account,
    /// Whether it has no password yet.
    pub is_first: bool,
    /// In which language its owner is written to, where that is known.
    pub language: Option<Language>,
}

impl LinkOwner {
    /// By which name the owner logs in.
    #[must_use]
    pub fn login(&self) -> &str {
        self.account.login()
    }
}

/// An account as its row is now.
fn find(connection: &mut Db, owner: Principal) -> Result<Option<LinkOwner>, StoreError> {
    Ok(match owner.user_type {
        UserType::User => {
            let row = users_table::find_by_id(connection, owner.user_seq)?;
            let preferences = panel_preferences::find(connection, owner.user_seq)?;
            row.map(|row| LinkOwner {
                account: row.account(),
                is_first: row.password_hash.is_none(),
                language: preferences.language,
            })
        }
        UserType::Client => {
            clients_table::find_by_id(connection, owner.user_seq)?.map(|row| LinkOwner {
                account: row.account(),
                is_first: row.password_hash.is_none(),
                language: None,
            })
        }
    })
}

/// The same, its row locked until the transaction ends.
fn lock(connection: &mut Db, owner: Principal) -> Result<Option<LinkOwner>, StoreError> {
    let exists = match owner.user_type {
        UserType::User => users_table::lock(connection, owner.user_seq)?.is_some(),
        UserType::Client => clients_table::lock(connection, owner.user_seq)?.is_some(),
    };
    Ok(if exists {
        find(connection, owner)?
    } else {
        None
    })
}

/// Whose password a link sets; none when the link is worth nothing, or its account may not log in. It stays as it is.
///
/// # Errors
/// [`Error::RateLimited`] when too many links from this address were none, and the store's.
pub async fn look_at(
    services: &Services,
    actor: &Actor,
    secret: &str,
) -> Result<Option<LinkOwner>, Error> {
    addresses::admit(services, LimitKind::Link, actor.ip_address).await?;
    let found = match hashed(secret) {
        Some(hash) => find_owner(services, hash).await?,
        None => None,
    };
    if found.is_none() {
        addresses::note_refused(services, LimitKind::Link, actor).await?;
    }
    Ok(found)
}

async fn find_owner(services: &Services, hash: String) -> Result<Option<LinkOwner>, Error> {
    let now = services.clock.now();
    services
        .store
        .read(move |connection| {
            let found = table::find_valid(connection, &hash, PASSWORD, now)?;
            let owner = match found.flatten() {
                Some(owner) => find(connection, owner)?,
                None => None,
            };
            Ok(owner.filter(|owner| owner.account.is_active))
        })
        .await
}

/// Sets a password by a link, which is used up by it, and ends all sessions of its account; none when the link is worth
/// nothing.
///
/// # Errors
/// [`Error::Invalid`] when the password breaks the policy (the link stays good then), [`Error::Overloaded`], and the
/// store's.
pub async fn set_password(
    services: &Services,
    mut actor: Actor,
    secret: &str,
    password: Password,
) -> Result<Option<LinkOwner>, Error> {
    let Some(owner) = look_at(services, &actor, secret).await? else {
        return Ok(None);
    };
    let account = &owner.account;
    let password_hash = checked_hash(services, password, &account.own_words()).await?;
    let principal = account.principal;
    actor.principal = Some(principal);
    actor.name = Some(owner.login().to_owned());
    let (token_hash, audit_context) = (secret::hash(secret), services.audit_context(&actor));
    let now = audit_context.now;
    services
        .store
        .write(move |connection| {
            // Always the account first and the link then: two who lock them do not wait for each other crosswise.
            let owner = lock(connection, principal)?.filter(|owner| owner.account.is_active);
            let Some(owner) = owner else { return Ok(None) };
            if !table::mark_used(connection, &token_hash, PASSWORD, now)? {
                return Ok(None);
            }
            match principal.user_type {
                UserType::User => {
                    user_changes::put_hash(connection, principal.user_seq, &password_hash, now)?;
                }
                UserType::Client => {
                    client_user_changes::put_hash(
                        connection,
                        principal.user_seq,
                        &password_hash,
                        now,
                    )?;
                }
            }
            table::revoke(connection, principal, now)?;
            end_all(
                connection,
                principal,
                now,
                RevocationReason::PasswordChanged,
            )?;
            let event = Event::new(Action::PasswordChanged)
                .to(Subject::account(principal, owner.login()))
                .noting("link", "used");
            audit_context.record(connection, &event)?;
            locks::lift_by_password(connection, &audit_context, principal)?;
            Ok::<_, Error>(Some(owner))
        })
        .await
}
