//! Active locks, and lifting them early: by an administrator, with the CLI, or by a new password.

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor, Subject};
use crate::domain::limits::LimitKind;
use crate::domain::paging::{Cursor, Seek, Slice};
use crate::domain::principal::{Principal, UserType};
use crate::services::account_lookup::find_by_login;
use crate::services::audit::log::{AuditContext, Event};
use crate::services::bootstrap::Services;
use crate::services::error::{Error, Missing};
use crate::store::rate_limits::{LockFilter, LockRow};
use crate::store::{Db, StoreError, client_users, rate_limits as table, users};

/// A locked account, device or address.
#[derive(Clone, Debug)]
pub struct Lock {
    /// The name of the bucket, by which the lock is lifted.
    pub bucket: String,
    /// What is locked.
    pub kind: LimitKind,
    /// The population of the account; `None` for an address.
    pub user_type: Option<UserType>,
    /// The login name or the address; `None` if what was typed is no valid login name.
    pub subject: Option<String>,
    /// The account; `None` if no account has this name.
    pub account: Option<Principal>,
    /// Whether only one device of the account is locked.
    pub is_device: bool,
    /// The number of counted failures.
    pub failures: i64,
    /// When the lock started.
    pub locked_at: Timestamp,
    /// When the lock ends.
    pub locked_until: Timestamp,
}

impl From<LockRow> for Lock {
    fn from(row: LockRow) -> Self {
        let account = row.user_type.zip(row.user_seq);
        Self {
            is_device: row.user_type.is_some() && row.bucket.contains("device:"),
            account: account.map(|(user_type, user_seq)| Principal {
                user_type,
                user_seq,
            }),
            bucket: row.bucket,
            kind: row.kind,
            user_type: row.user_type,
            subject: row.subject,
            failures: row.hits,
            locked_at: row.locked_at,
            locked_until: row.locked_until,
        }
    }
}

/// Filters of the list of locks.
#[derive(Clone, Debug, Default)]
pub struct LockQuery {
    /// Part of the login name or of the address.
    pub search: Option<String>,
    /// The kind of lock.
    pub kind: Option<LimitKind>,
}

/// The active locks, the latest first.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    query: LockQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Slice<Lock>, Error> {
    let now = services.clock.now();
    let seek = seek.filter_map(|cursor| Some((cursor.time()?, cursor.id.clone())));
    let filter = LockFilter {
        search: query.search,
        kind: query.kind,
        ..LockFilter::default()
    };
    let rows = services
        .store
        .read_list(move |connection| table::list(connection, &filter, now, seek.clone(), size))
        .await?;
    Ok(rows.map(Lock::from))
}

/// The position of a lock in the list.
#[must_use]
pub fn cursor_of(lock: &Lock) -> Cursor {
    Cursor::at_time(lock.locked_at, &lock.bucket)
}

/// The maximum number of locks of one account that are listed.
const MAX_OF_ACCOUNT: i64 = 10;

/// The active locks of an account, the latest first.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn of_account(services: &Services, owner: Principal) -> Result<Vec<Lock>, Error> {
    let now = services.clock.now();
    services
        .store
        .read_list(move |connection| {
            let (_, name) = names_of(connection, owner)?;
            let filter = LockFilter {
                account: Some((owner.user_type, name)),
                ..LockFilter::default()
            };
            let rows = table::list(connection, &filter, now, Seek::First, MAX_OF_ACCOUNT)?;
            Ok(rows.items.into_iter().map(Lock::from).collect())
        })
        .await
}

/// The login name of an account: as typed, and normalised.
fn names_of(connection: &mut Db, owner: Principal) -> Result<(String, String), Error> {
    let names = match owner.user_type {
        UserType::User => users::find_by_id(connection, owner.user_seq)?
            .map(|row| (row.email, row.email_normalized)),
        UserType::Client => client_users::find_by_id(connection, owner.user_seq)?
            .map(|row| (row.username, row.username_normalized)),
    };
    names.ok_or(Error::AccountNotFound(Missing::of(owner.user_type)))
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
    let audit_context = services.audit_context(actor);
    services
        .store
        .write(move |connection| {
            let (login, name) = names_of(connection, owner)?;
            let subject = Subject::account(owner, login);
            Ok(lift_all(connection, &audit_context, subject, owner, &name)?)
        })
        .await
}

/// Lifts all locks of an account because of a new password; part of the transaction of the change.
pub(crate) fn lift_by_password(
    connection: &mut Db,
    audit_context: &AuditContext,
    owner: Principal,
) -> Result<(), Error> {
    let (login, name) = names_of(connection, owner)?;
    let subject = Subject::account(owner, login);
    lift_all(connection, audit_context, subject, owner, &name)?;
    Ok(())
}

fn lift_all(
    connection: &mut Db,
    audit_context: &AuditContext,
    subject: Subject,
    owner: Principal,
    name: &str,
) -> Result<bool, StoreError> {
    let lifted = table::delete_for_account(connection, owner.user_type, name, audit_context.now)?;
    if lifted > 0 {
        let event = Event::new(Action::LockLifted).to(subject);
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
    let (audit_context, name) = (services.audit_context(actor), bucket.to_owned());
    let now = audit_context.now;
    let was_locked = services
        .store
        .write(move |connection| {
            let filter = LockFilter {
                bucket: Some(name.clone()),
                ..LockFilter::default()
            };
            let found = table::list(connection, &filter, now, Seek::First, 1)?;
            let Some(lock) = found.items.into_iter().next() else {
                return Ok(false);
            };
            table::delete(connection, &name)?;
            let event = lift_event(connection, &lock)?;
            audit_context.record(connection, &event)?;
            Ok::<_, Error>(true)
        })
        .await?;
    services.limits.locked_addresses.remove(bucket);
    Ok(was_locked)
}

fn lift_event(connection: &mut Db, lock: &LockRow) -> Result<Event, StoreError> {
    let principal = match (lock.user_type, &lock.subject) {
        (Some(user_type), Some(name)) => find_by_login(connection, user_type, name)?,
        _ => None,
    };
    let subject = Subject {
        principal,
        name: lock.subject.clone(),
    };
    Ok(Event::new(Action::LockLifted)
        .to(subject)
        .with_detail("limit", lock.kind))
}
