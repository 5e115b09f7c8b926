//! Internal users: listing and finding. How they are made, changed and deleted is in `changes`.

use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Name, Role},
        paging::{Page, Paged},
        password::{Password, PasswordPolicy},
        principal::UserSeq,
        problem::Problems,
        session::RevocationReason,
    },
    services::{
        bootstrap::Services,
        error::{Error, Missing},
    },
    store::{
        account_pages, users as table,
        users::{UserFilter, UserRow},
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
    /// Whether an administrator would be none any more.
    pub(crate) fn takes_rights_of_admins(&self) -> bool {
        self.is_active == Some(false) || self.role.is_some_and(|role| role != Role::Admin)
    }
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
        .read_list(move |connection| {
            let (rows, total) = account_pages::numbered_users(connection, &filter, page)?;
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

/// Why sessions end with a change, if they do.
pub(crate) fn reason_to_end(
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
pub(crate) async fn checked_hash(
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
