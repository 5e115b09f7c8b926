//! One-time links: to make the first administrator, and to set the password of an account. What is stored of a link is the
//! hash of its secret; the secret itself goes out once, to whom it is meant for.

use std::time::Duration;

use super::{
    Error, Missing, Services,
    audit::{Event, record},
    browser_sessions::{SignedIn, begin},
    client_users,
    logout::end_all,
    secret,
    users::{self, NewUser, checked_hash, first_creation, new_row},
};
use crate::{
    clock::Timestamp,
    delivery::LinkNotice,
    domain::{
        account::{Account, Role},
        audit::{Action, Actor, Subject},
        language::Language,
        password::Password,
        principal::{Principal, UserType},
        session::RevocationReason,
    },
    store::{
        Db, StoreError, client_users as clients_table, panel_preferences,
        set_up_links::{self as table, FIRST_ADMINISTRATOR, NewLink, PASSWORD},
        users as users_table,
    },
};

/// How long the link for the first administrator is good.
pub const FIRST_LIFETIME: Duration = Duration::from_hours(1);

/// Longer than any secret of ours: it need not be hashed to be unknown.
const LONGEST: usize = 64;

/// Makes a link for the first administrator; none when there is an active one. Gives its secret.
///
/// # Errors
/// The store's.
pub async fn issue_first(services: &Services) -> Result<Option<String>, Error> {
    let now = services.clock.now();
    let secret = secret::fresh()?;
    let new = NewLink {
        token_hash: secret::hash(&secret),
        purpose: FIRST_ADMINISTRATOR,
        user_type: None,
        user_seq: None,
        created_at: now,
        expires_at: now + FIRST_LIFETIME,
    };
    let is_needed = services
        .store
        .write(move |connection| {
            let is_needed = !users_table::any_active_admin(connection)?;
            if is_needed {
                table::insert(connection, &new)?;
            }
            Ok::<_, Error>(is_needed)
        })
        .await?;
    Ok(is_needed.then_some(secret))
}

/// What a link for the first administrator is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLink {
    /// It makes the first administrator.
    Good,
    /// It is unknown or expired.
    Dead,
    /// There is an administrator, so no link makes another.
    Needless,
}

/// Looks at a link for the first administrator, and leaves it as it is.
///
/// # Errors
/// The store's.
pub async fn look_at_first(services: &Services, secret: &str) -> Result<FirstLink, Error> {
    let (hash, now) = (hashed(secret), services.clock.now());
    services
        .store
        .look_up(move |connection| what_first_is(connection, hash.as_deref(), now))
        .await
}

fn what_first_is(
    connection: &mut Db,
    hash: Option<&str>,
    now: Timestamp,
) -> Result<FirstLink, Error> {
    if users_table::any_active_admin(connection)? {
        return Ok(FirstLink::Needless);
    }
    let found = match hash {
        Some(hash) => table::find_good(connection, hash, FIRST_ADMINISTRATOR, now)?,
        None => None,
    };
    Ok(found.map_or(FirstLink::Dead, |_| FirstLink::Good))
}

/// Makes the first administrator by a link and signs him in; none when the link is worth nothing. Of two links, or two
/// uses of one, only one makes somebody.
///
/// # Errors
/// [`Error::Invalid`] when the password breaks the policy, [`Error::AlreadyExists`] when the address is taken (the link
/// stays good then), [`Error::Overloaded`], and the store's.
pub async fn make_first(
    services: &Services,
    mut actor: Actor,
    secret: &str,
    new: NewUser,
) -> Result<Option<SignedIn>, Error> {
    // Before the password is hashed: who has no link must not make the server work.
    if look_at_first(services, secret).await? != FirstLink::Good {
        return Ok(None);
    }
    let row = new_row(
        services,
        NewUser {
            role: Role::Admin,
            is_active: true,
            ..new
        },
    )
    .await?;
    actor.name = Some(row.email.clone());
    let (hash, now, maker) = (hashed(secret), row.created_at, actor.clone());
    let made = services
        .store
        .write(move |connection| {
            if what_first_is(connection, hash.as_deref(), now)? != FirstLink::Good {
                return Ok(None);
            }
            // On Postgres another use of a link waits here, and then finds the administrator who was made meanwhile.
            table::use_up_all_first(connection, now)?;
            if users_table::any_active_admin(connection)? {
                return Ok(None);
            }
            let made = users_table::insert(connection, &row)?;
            record(connection, &maker, &first_creation(&made), now)?;
            Ok::<_, Error>(Some(made.account()))
        })
        .await
        .map_err(users::conflict_of)?;
    match made {
        Some(account) => Ok(Some(begin(services, actor, account, None).await?)),
        None => Ok(None),
    }
}

/// The hash of a secret, if it can be one of ours.
fn hashed(secret: &str) -> Option<String> {
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
    let (by_mail, issuer) = (services.delivery.sends_links(), actor.clone());
    let found = services
        .store
        .write(move |connection| {
            let found = lock(connection, owner)?
                .ok_or(Error::AccountNotFound(Missing::of(owner.user_type)))?;
            if !found.account.is_active {
                return Ok(found);
            }
            table::withdraw(connection, owner, now)?;
            table::insert(connection, &new)?;
            let address = found.account.email.as_ref().filter(|_| by_mail);
            let mut event = Event::new(Action::LinkIssued)
                .to(Subject::account(owner, found.login()))
                .noting("link", if address.is_some() { "mailed" } else { "shown" });
            if let Some(address) = address {
                event = event.noting("recipient", address);
            }
            record(connection, &issuer, &event, now)?;
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
/// The store's.
pub async fn look_at(services: &Services, secret: &str) -> Result<Option<LinkOwner>, Error> {
    let Some(hash) = hashed(secret) else {
        return Ok(None);
    };
    let now = services.clock.now();
    services
        .store
        .read(move |connection| {
            let found = table::find_good(connection, &hash, PASSWORD, now)?;
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
    let Some(owner) = look_at(services, secret).await? else {
        return Ok(None);
    };
    let account = &owner.account;
    let own_words = [
        account.name.as_str(),
        account.email.as_deref().unwrap_or_default(),
        account.username.as_deref().unwrap_or_default(),
    ];
    let password_hash = checked_hash(services, password, &own_words).await?;
    let principal = account.principal;
    actor.principal = Some(principal);
    actor.name = Some(owner.login().to_owned());
    let (token_hash, now) = (secret::hash(secret), services.clock.now());
    services
        .store
        .write(move |connection| {
            // Always the account first and the link then: two who lock them do not wait for each other crosswise.
            let owner = lock(connection, principal)?.filter(|owner| owner.account.is_active);
            let Some(owner) = owner else { return Ok(None) };
            if !table::use_up(connection, &token_hash, PASSWORD, now)? {
                return Ok(None);
            }
            match principal.user_type {
                UserType::User => {
                    users::put_hash(connection, principal.user_seq, &password_hash, now)?;
                }
                UserType::Client => {
                    client_users::put_hash(connection, principal.user_seq, &password_hash, now)?;
                }
            }
            table::withdraw(connection, principal, now)?;
            end_all(
                connection,
                principal,
                now,
                RevocationReason::PasswordChanged,
            )?;
            let event = Event::new(Action::PasswordChanged)
                .to(Subject::account(principal, owner.login()))
                .noting("link", "used");
            record(connection, &actor, &event, now)?;
            Ok::<_, Error>(Some(owner))
        })
        .await
}
