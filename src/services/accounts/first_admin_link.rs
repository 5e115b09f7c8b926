//! The link that makes the first administrator, while there is none.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    domain::{account::Role, audit::Actor, limits::LimitKind},
    services::{
        accounts::{
            password_links::hashed,
            user_changes::{self, first_creation, new_row},
            users::NewUser,
        },
        auth::browser_sessions::{SignedIn, begin},
        bootstrap::Services,
        error::Error,
        limits::addresses,
        secret,
    },
    store::{
        Db, set_up_links as table,
        set_up_links::{FIRST_ADMINISTRATOR, NewLink},
        users as users_table,
    },
};

/// How long the link for the first administrator is good.
pub const FIRST_LIFETIME: Duration = Duration::from_hours(1);

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
/// [`Error::RateLimited`] when too many links from this address were none, and the store's.
pub async fn look_at_first(
    services: &Services,
    actor: &Actor,
    secret: &str,
) -> Result<FirstLink, Error> {
    addresses::admit(services, LimitKind::Link, actor.ip_address).await?;
    let (hash, now) = (hashed(secret), services.clock.now());
    let link = services
        .store
        .read(move |connection| what_first_is(connection, hash.as_deref(), now))
        .await?;
    if link == FirstLink::Dead {
        addresses::note_refused(services, LimitKind::Link, actor).await?;
    }
    Ok(link)
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
        Some(hash) => table::find_valid(connection, hash, FIRST_ADMINISTRATOR, now)?,
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
    if look_at_first(services, &actor, secret).await? != FirstLink::Good {
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
    let (hash, now) = (hashed(secret), row.created_at);
    let audit_context = services.audit_log.audit_context(&actor, now);
    let made = services
        .store
        .write(move |connection| {
            if what_first_is(connection, hash.as_deref(), now)? != FirstLink::Good {
                return Ok(None);
            }
            // On Postgres another use of a link waits here, and then finds the administrator who was made meanwhile.
            table::mark_used_first_administrator(connection, now)?;
            if users_table::any_active_admin(connection)? {
                return Ok(None);
            }
            let made = users_table::insert(connection, &row)?;
            audit_context.record(connection, &first_creation(&made))?;
            Ok::<_, Error>(Some(made.account()))
        })
        .await
        .map_err(user_changes::conflict_of)?;
    match made {
        Some(account) => Ok(Some(begin(services, actor, account, None).await?)),
        None => Ok(None),
    }
}
