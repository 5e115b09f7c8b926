//! Active locks, and lifting them early: by an administrator, with the CLI, or by a new password.

use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::principal::Principal;
use crate::services::account_lookup::find_existing;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::rate_limits::{LockFilter, LockRow};
use crate::store::{Transaction, rate_limits as table};

/// The active locks, the latest first.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    filter: LockFilter,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Slice<LockRow>, Error> {
    let now = services.clock.now();
    let seek = seek.filter_map(|cursor| Some((cursor.time()?, cursor.id.clone())));
    let slice = services
        .store
        .read_list(move |connection| table::list(connection, &filter, now, seek.clone(), size))
        .await?;
    Ok(slice)
}

/// The next locks, the latest first, for reading the whole list.
///
/// # Errors
/// The store's.
pub async fn batch(
    services: &Services,
    filter: LockFilter,
    after: Option<Cursor>,
    size: i64,
) -> Result<Vec<LockRow>, Error> {
    let seek = after.map_or(Seek::First, Seek::After);
    Ok(list(services, filter, seek, size).await?.items)
}

/// The position of a lock in the list.
#[must_use]
pub fn cursor_of(lock: &LockRow) -> Cursor {
    Cursor::at_time(lock.locked_at, &lock.bucket)
}

/// The maximum number of locks of one account that are listed.
const MAX_OF_ACCOUNT: i64 = 10;

/// The active locks of an account, the latest first.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn of_account(services: &Services, owner: Principal) -> Result<Vec<LockRow>, Error> {
    let now = services.clock.now();
    services
        .store
        .read_list(move |connection| {
            let account = find_existing(connection, owner)?;
            let filter = LockFilter {
                account: Some((owner.user_type, account.normalised_login())),
                ..LockFilter::default()
            };
            Ok(table::list(connection, &filter, now, Seek::First, MAX_OF_ACCOUNT)?.items)
        })
        .await
}

/// Lifts all locks of an account, and clears its failures. Returns `true` if there was a lock.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn lift_account(
    services: &Services,
    actor: &Actor,
    owner: Principal,
) -> Result<bool, Error> {
    services
        .write_as(actor, move |connection, audit_context| {
            lift_all(connection, audit_context, owner)
        })
        .await
}

/// Lifts the locks of an account; part of a transaction, such as that of a new password. Returns whether there were any.
pub(crate) fn lift_all(
    connection: &mut Transaction<'_>,
    audit_context: &AuditContext,
    owner: Principal,
) -> Result<bool, Error> {
    let account = find_existing(connection, owner)?;
    let (user_type, name) = (owner.user_type, account.normalised_login());
    let lifted = table::delete_for_account(connection, user_type, &name, audit_context.now)?;
    if lifted > 0 {
        let event = Event::new(Action::LockLifted).to(Subject::of(&account));
        audit_context.record(connection, &event)?;
    }
    Ok(lifted > 0)
}

/// Lifts one lock, and clears the counter of its bucket. Returns `true` if the bucket was locked.
///
/// # Errors
/// The store's.
pub async fn lift(services: &Services, actor: &Actor, bucket: &str) -> Result<bool, Error> {
    // No bucket has such a name, and Postgres rejects NUL.
    if bucket.chars().any(char::is_control) {
        return Ok(false);
    }
    let name = bucket.to_owned();
    let was_locked = services
        .write_as(actor, move |connection, audit_context| {
            let filter = LockFilter {
                bucket: Some(name.clone()),
                ..LockFilter::default()
            };
            let found = table::list(connection, &filter, audit_context.now, Seek::First, 1)?;
            let Some(lock) = found.items.into_iter().next() else {
                return Ok(false);
            };
            table::delete(connection, &name)?;
            let subject = Subject {
                principal: lock.account(),
                name: lock.subject,
            };
            let event = Event::new(Action::LockLifted)
                .to(subject)
                .with_detail("limit", lock.kind);
            audit_context.record(connection, &event)?;
            Ok(true)
        })
        .await?;
    services.limits.locked_addresses.remove(bucket);
    Ok(was_locked)
}
