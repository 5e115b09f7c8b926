//! Internal users: listing, making, changing, deleting. A change that takes rights away ends the sessions with it.

use super::{Error, Missing, Services, logout::end_all};
use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Name, Role},
        paging::{Page, Paged},
        password::{Password, PasswordPolicy},
        principal::{Principal, UserSeq},
        problem::Problems,
        session::RevocationReason,
    },
    store::{
        Db, StoreError,
        users::{self as table, NewUser as NewRow, UserChanges as RowChanges, UserFilter, UserRow},
    },
};

/// An internal user as the doors see it: without the password's hash.
#[derive(Clone, Debug)]
pub struct User {
    /// The number within this population.
    pub user_seq: UserSeq,
    /// The address as typed.
    pub email: String,
    /// What the user is called.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The last log-in.
    pub last_login_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            user_seq: row.id,
            email: row.email,
            name: row.name,
            role: row.role,
            is_active: row.is_active,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A user to be made.
pub struct NewUser {
    /// The address to log in by.
    pub email: Email,
    /// What the user is called.
    pub name: Name,
    /// What the user may do.
    pub role: Role,
    /// The first password; none: no log-in until one is set.
    pub password: Option<Password>,
    /// Whether the account may log in.
    pub is_active: bool,
}

/// What is to be changed of a user; `None` leaves a field as it is.
#[derive(Default)]
pub struct UserChanges {
    /// The address to log in by.
    pub email: Option<Email>,
    /// What the user is called.
    pub name: Option<Name>,
    /// What the user may do.
    pub role: Option<Role>,
    /// A new password.
    pub password: Option<Password>,
    /// Whether the account may log in.
    pub is_active: Option<bool>,
}

impl UserChanges {
    fn takes_rights_of_admins(&self) -> bool {
        self.is_active == Some(false) || self.role.is_some_and(|role| role != Role::Admin)
    }
}

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody at one of the doors: he cannot take away the last administrator.
    Administrator,
    /// The operator at the command line, who can always make another.
    Operator,
}

/// A page of the users that a filter holds.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    filter: UserFilter,
    page: Page,
) -> Result<Paged<User>, Error> {
    services
        .store
        .read(move |connection| {
            let total = table::count(connection, &filter)?;
            let rows = table::list(connection, &filter, page)?;
            Ok(Paged {
                page,
                items: rows.into_iter().map(User::from).collect(),
                total,
            })
        })
        .await
}

/// The user of this number.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn find(services: &Services, user_seq: UserSeq) -> Result<User, Error> {
    let row = services
        .store
        .read(move |connection| table::find_by_id(connection, user_seq))
        .await?;
    row.map(User::from)
        .ok_or(Error::AccountNotFound(Missing::User))
}

/// The number of the user of this address.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn find_by_email(services: &Services, email: &Email) -> Result<User, Error> {
    let normalised = email.normalised().to_owned();
    let row = services
        .store
        .read(move |connection| table::find_by_email(connection, &normalised))
        .await?;
    row.map(User::from)
        .ok_or(Error::AccountNotFound(Missing::User))
}

/// Whether there is an administrator who may log in.
///
/// # Errors
/// The store's.
pub async fn any_administrator(services: &Services) -> Result<bool, Error> {
    Ok(services.store.read(table::any_active_admin).await?)
}

/// Makes a user.
///
/// # Errors
/// [`Error::Invalid`] when the password breaks the policy, [`Error::AlreadyExists`] when the address is taken,
/// [`Error::Overloaded`], and the store's.
pub async fn create(services: &Services, new: NewUser) -> Result<User, Error> {
    let NewUser {
        email,
        name,
        role,
        password,
        is_active,
    } = new;
    let password_hash = match password {
        Some(password) => {
            Some(checked_hash(services, password, &[email.as_typed(), name.as_str()]).await?)
        }
        None => None,
    };
    let now = services.clock.now();
    let row = NewRow {
        email: email.as_typed().to_owned(),
        email_normalized: email.normalised().to_owned(),
        name: name.as_str().to_owned(),
        name_normalized: name.normalised(),
        role,
        password_hash,
        is_active,
        created_at: now,
        updated_at: now,
    };
    let row = services
        .store
        .write(move |connection| table::insert(connection, &row))
        .await
        .map_err(conflict)?;
    Ok(row.into())
}

/// Changes a user. Deactivating and a new password end his sessions in the same transaction; a changed role is seen by
/// the next call already.
///
/// # Errors
/// As [`create`], [`Error::AccountNotFound`], and [`Error::LastAdministrator`].
pub async fn update(
    services: &Services,
    actor: Actor,
    user_seq: UserSeq,
    changes: UserChanges,
) -> Result<User, Error> {
    let password_hash = match changes.password.clone() {
        Some(password) => {
            let old = find(services, user_seq).await?;
            let email = changes
                .email
                .as_ref()
                .map_or(old.email.as_str(), Email::as_typed);
            let name = changes
                .name
                .as_ref()
                .map_or(old.name.as_str(), Name::as_str);
            Some(checked_hash(services, password, &[email, name]).await?)
        }
        None => None,
    };
    let now = services.clock.now();
    let guards_admins = actor == Actor::Administrator && changes.takes_rights_of_admins();
    let reason = reason_to_end(changes.is_active, password_hash.is_some());
    let row = changed_row(&changes, password_hash, now);
    let updated = services
        .store
        .write(move |connection| {
            if guards_admins {
                refuse_last_admin(connection, user_seq)?;
            }
            let updated = table::update(connection, user_seq, &row)?;
            if let (Some(_), Some(reason)) = (&updated, reason) {
                end_all(connection, Principal::user(user_seq), now, reason)?;
            }
            Ok(updated)
        })
        .await
        .map_err(|error: Error| match error {
            Error::Store(error) => conflict(error),
            error => error,
        })?;
    updated
        .map(User::from)
        .ok_or(Error::AccountNotFound(Missing::User))
}

/// What the row becomes: each text as typed and as compared.
fn changed_row(
    changes: &UserChanges,
    password_hash: Option<String>,
    updated_at: Timestamp,
) -> RowChanges {
    RowChanges {
        email: changes
            .email
            .as_ref()
            .map(|email| email.as_typed().to_owned()),
        email_normalized: changes
            .email
            .as_ref()
            .map(|email| email.normalised().to_owned()),
        name: changes.name.as_ref().map(|name| name.as_str().to_owned()),
        name_normalized: changes.name.as_ref().map(Name::normalised),
        role: changes.role,
        password_hash,
        is_active: changes.is_active,
        updated_at,
    }
}

/// Deletes a user and ends his sessions.
///
/// # Errors
/// [`Error::AccountNotFound`], [`Error::LastAdministrator`], and the store's.
pub async fn delete(services: &Services, actor: Actor, user_seq: UserSeq) -> Result<(), Error> {
    let now = services.clock.now();
    services
        .store
        .write(move |connection| {
            if actor == Actor::Administrator {
                refuse_last_admin(connection, user_seq)?;
            }
            if !table::delete(connection, user_seq)? {
                return Err(Error::AccountNotFound(Missing::User));
            }
            end_all(
                connection,
                Principal::user(user_seq),
                now,
                RevocationReason::Deleted,
            )?;
            Ok(())
        })
        .await
}

/// Why sessions end with a change, if they do.
pub(super) fn reason_to_end(
    is_active: Option<bool>,
    new_password: bool,
) -> Option<RevocationReason> {
    if is_active == Some(false) {
        Some(RevocationReason::Deactivated)
    } else {
        new_password.then_some(RevocationReason::PasswordChanged)
    }
}

/// Checks a new password by the policy and hashes it.
pub(super) async fn checked_hash(
    services: &Services,
    password: Password,
    own_words: &[&str],
) -> Result<String, Error> {
    let policy = PasswordPolicy {
        min_length: services.config.login.min_password_length,
    };
    let mut problems = Problems::default();
    for problem in policy.check(&password, own_words) {
        problems.add("password", problem);
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    Ok(services.passwords.hash(password).await?)
}

fn refuse_last_admin(connection: &mut Db, user_seq: UserSeq) -> Result<(), Error> {
    let admins = table::lock_active_admins(connection)?;
    if admins == [user_seq] {
        Err(Error::LastAdministrator)
    } else {
        Ok(())
    }
}

fn conflict(error: StoreError) -> Error {
    match error {
        StoreError::Conflict { column } if column == "email_normalized" => {
            Error::AlreadyExists { field: "email" }
        }
        error => Error::Store(error),
    }
}
