//! The locks that hold now, and lifting them before their time: by an administrator, at the command line, or by a new
//! password.

use crate::{
    clock::Timestamp,
    domain::{
        audit::{Action, Actor, Subject},
        limits::LimitKind,
        paging::{Cursor, Seek, Slice},
        principal::{Principal, UserType},
    },
    services::{
        audit::log::{AuditContext, Event},
        bootstrap::Services,
        error::{Error, Missing},
        limits::attempts::find_account,
    },
    store::{
        Db, StoreError, client_users, rate_limits as table,
        rate_limits::{LockFilter, LockRow},
        users,
    },
};

/// Somebody who has to wait.
#[derive(Clone, Debug)]
pub struct Lock {
    /// What is counted, by which it is lifted.
    pub bucket: String,
    /// What he has to wait with.
    pub kind: LimitKind,
    /// The population of the account that was tried; none for an address.
    pub user_type: Option<UserType>,
    /// What the account logs in by, or the address; none where what was typed can be no name.
    pub subject: Option<String>,
    /// The account; none where none has this name.
    pub account: Option<Principal>,
    /// Only one device of the account has to wait.
    pub is_device: bool,
    /// How often it was tried.
    pub failures: i64,
    /// Since when it is locked.
    pub locked_at: Timestamp,
    /// Until when.
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

/// Which locks are looked for.
#[derive(Clone, Debug, Default)]
pub struct LockQuery {
    /// A part of the name or the address.
    pub search: Option<String>,
    /// Of this kind.
    pub kind: Option<LimitKind>,
}

/// The locks that hold now, the latest first.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    wanted: LockQuery,
    seek: Seek<Cursor>,
    size: i64,
) -> Result<Slice<Lock>, Error> {
    let now = services.clock.now();
    let seek = seek
        .try_map(|place| Some((place.time()?, place.id.clone())))
        .unwrap_or(Seek::First);
    let filter = LockFilter {
        search: wanted.search,
        kind: wanted.kind,
        ..LockFilter::default()
    };
    let rows = services
        .store
        .read(move |connection| table::list(connection, &filter, now, seek.clone(), size))
        .await?;
    Ok(rows.map(Lock::from))
}

/// The place of a lock in the list.
#[must_use]
pub fn place_of(lock: &Lock) -> Cursor {
    Cursor::at_time(lock.locked_at, &lock.bucket)
}

/// The most locks of one account that its page tells.
const MOST_OF_ACCOUNT: i64 = 10;

/// The locks of an account that hold now, the latest first.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn of_account(services: &Services, owner: Principal) -> Result<Vec<Lock>, Error> {
    let now = services.clock.now();
    services
        .store
        .read(move |connection| {
            let (_, name) = names_of(connection, owner)?;
            let filter = LockFilter {
                account: Some((owner.user_type, name)),
                ..LockFilter::default()
            };
            let rows = table::list(connection, &filter, now, Seek::First, MOST_OF_ACCOUNT)?;
            Ok(rows.items.into_iter().map(Lock::from).collect())
        })
        .await
}

/// What an account logs in by: as typed, and as compared.
fn names_of(connection: &mut Db, owner: Principal) -> Result<(String, String), Error> {
    let names = match owner.user_type {
        UserType::User => users::find_by_id(connection, owner.user_seq)?
            .map(|row| (row.email, row.email_normalized)),
        UserType::Client => client_users::find_by_id(connection, owner.user_seq)?
            .map(|row| (row.username, row.username_normalized)),
    };
    names.ok_or(Error::AccountNotFound(Missing::of(owner.user_type)))
}

/// Lifts all locks of an account, and forgets its failures; whether there was a lock.
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

/// Lifts all locks of an account because of a new password; part of the change's transaction.
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

/// Lifts one lock by its bucket, which forgets what it has counted; whether it was locked.
///
/// # Errors
/// The store's.
pub async fn lift(services: &Services, actor: &Actor, bucket: &str) -> Result<bool, Error> {
    // No bucket of ours has such a name, and Postgres takes no NUL.
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
            let event = lifted(connection, &lock)?;
            audit_context.record(connection, &event)?;
            Ok::<_, Error>(true)
        })
        .await?;
    services.limits.forget(bucket);
    Ok(was_locked)
}

fn lifted(connection: &mut Db, lock: &LockRow) -> Result<Event, StoreError> {
    let principal = match (lock.user_type, &lock.subject) {
        (Some(user_type), Some(name)) => find_account(connection, user_type, name)?,
        _ => None,
    };
    let subject = Subject {
        principal,
        name: lock.subject.clone(),
    };
    Ok(Event::new(Action::LockLifted)
        .to(subject)
        .noting("limit", lock.kind))
}
