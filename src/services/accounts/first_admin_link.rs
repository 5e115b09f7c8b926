//! The link that creates the first administrator, as long as there is none.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::audit::{Action, Actor};
use crate::domain::limits::LimitKind;
use crate::services::accounts::changes::conflict_of;
use crate::services::accounts::user_changes::{creation_event, insert, new_row};
use crate::services::accounts::users::NewUser;
use crate::services::auth::panel_sign_in::{SignedIn, begin};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::services::limits::addresses;
use crate::services::secret;
use crate::store::set_up_links::{FIRST_ADMINISTRATOR, NewLink};
use crate::store::{Db, set_up_links as table, users as users_table};

/// How long the link for the first administrator is valid.
pub const FIRST_LIFETIME: Duration = Duration::from_hours(1);

/// Creates a link for the first administrator and returns its secret; `None` if there is an active administrator.
///
/// # Errors
/// Errors of the store.
pub async fn issue_first(services: &Services) -> Result<Option<String>, Error> {
    let now = services.clock.now();
    let secret = secret::generate()?;
    let new = NewLink {
        token_hash: secret::hash(&secret),
        purpose: FIRST_ADMINISTRATOR,
        user_type: None,
        user_seq: None,
        created_at: now,
        expires_at: now + FIRST_LIFETIME,
        email: None,
    };
    let full = services.roles.full();
    let is_needed = services
        .store
        .write(move |connection| {
            let is_needed = !users_table::any_active(connection, &full)?;
            if is_needed {
                table::insert(connection, &new)?;
            }
            Ok::<_, Error>(is_needed)
        })
        .await?;
    Ok(is_needed.then_some(secret))
}

/// The state of a link for the first administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLink {
    /// It can be used.
    Valid,
    /// It is unknown or expired.
    Invalid,
    /// There is an administrator already.
    NotNeeded,
}

/// Checks a link for the first administrator, without using it up.
///
/// # Errors
/// [`Error::RateLimited`] after too many invalid links from this address, and errors of the store.
pub async fn check_first(
    services: &Services,
    actor: &Actor,
    secret: &str,
) -> Result<FirstLink, Error> {
    addresses::admit(services, LimitKind::Link, actor.ip_address).await?;
    let (hash, now) = (secret::hash(secret), services.clock.now());
    let full = services.roles.full();
    let link = services
        .store
        .read(move |connection| first_link(connection, &full, &hash, now))
        .await?;
    if link == FirstLink::Invalid {
        addresses::record_failure(services, LimitKind::Link, actor).await?;
    }
    Ok(link)
}

fn first_link(
    connection: &mut Db,
    full: &[Role],
    hash: &str,
    now: Timestamp,
) -> Result<FirstLink, Error> {
    if users_table::any_active(connection, full)? {
        return Ok(FirstLink::NotNeeded);
    }
    let found = table::find_valid(connection, hash, &[FIRST_ADMINISTRATOR], now)?;
    Ok(found.map_or(FirstLink::Invalid, |_| FirstLink::Valid))
}

/// Creates the first administrator by a link and begins a session in the panel; `None` if the link is not valid. Of two
/// links, or two uses of one, only one succeeds.
///
/// # Errors
/// [`Error::Invalid`] if the password violates the policy, [`Error::AlreadyExists`] if the address is taken (the link
/// stays valid then), [`Error::Overloaded`], and errors of the store.
pub async fn create_first(
    services: &Services,
    mut actor: Actor,
    secret: &str,
    new: NewUser,
) -> Result<Option<SignedIn>, Error> {
    // Before the password is hashed, which is expensive.
    if check_first(services, &actor, secret).await? != FirstLink::Valid {
        return Ok(None);
    }
    let administrator = NewUser {
        role: services.roles.administrator(),
        is_active: true,
        claims: None,
        email_verified: true,
        ..new
    };
    let row = new_row(services, administrator).await?;
    actor.name = row.email.clone().or(row.username.clone());
    let (hash, now) = (secret::hash(secret), row.created_at);
    let audit_context = services.audit_log.audit_context(&actor, now);
    let full = services.roles.full();
    let created = services
        .store
        .write(move |connection| {
            if first_link(connection, &full, &hash, now)? != FirstLink::Valid {
                return Ok(None);
            }
            // On Postgres a concurrent use of a link waits here, and then finds the new administrator.
            table::mark_used_first_administrator(connection, now)?;
            if users_table::any_active(connection, &full)? {
                return Ok(None);
            }
            let created = insert(connection, &row)?;
            let event = creation_event(Action::FirstAdministratorCreated, &created);
            audit_context.record(connection, &event)?;
            Ok::<_, Error>(Some(created.account()))
        })
        .await
        .map_err(conflict_of)?;
    let Some(account) = created else {
        return Ok(None);
    };
    begin(services, actor, account, None).await.map(Some)
}
