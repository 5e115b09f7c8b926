//! Internal users: types, listing and finding.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::account::{Email, Name, Role};
use crate::domain::paging::{Page, Paged};
use crate::domain::password::Password;
use crate::domain::principal::{UserSeq, UserType};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::account_list::NumberedFilter;
use crate::store::users::UserRow;
use crate::store::{Store, account_pages, users as table};

/// An internal user, as the interfaces show it: without the password hash.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    /// The number within this population.
    pub user_seq: UserSeq,
    /// The e-mail address as typed.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The last login.
    pub last_login_at: Option<Timestamp>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the account was last changed.
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

/// A user to be created.
pub struct NewUser {
    /// The e-mail address.
    pub email: Email,
    /// The name.
    pub name: Name,
    /// The role.
    pub role: Role,
    /// The first password; without one the user cannot log in until it is set.
    pub password: Option<Password>,
    /// Whether the account may log in.
    pub is_active: bool,
}

/// Changes of a user; `None` leaves a field unchanged.
#[derive(Default)]
pub struct UserChanges {
    /// The e-mail address.
    pub email: Option<Email>,
    /// The name.
    pub name: Option<Name>,
    /// The role.
    pub role: Option<Role>,
    /// A new password.
    pub password: Option<Password>,
    /// Whether the account may log in.
    pub is_active: Option<bool>,
}

impl UserChanges {
    /// Whether an administrator would lose the rights of the role.
    pub(crate) fn takes_rights_of_admins(&self) -> bool {
        self.is_active == Some(false) || self.role.is_some_and(|role| role != Role::Admin)
    }
}

/// A page of the users that pass a filter.
///
/// # Errors
/// Errors of the store.
pub async fn list(store: &Store, filter: NumberedFilter, page: Page) -> Result<Paged<User>, Error> {
    store
        .read_list(move |connection| {
            let (rows, total): (Vec<UserRow>, i64) =
                account_pages::numbered_page(connection, UserType::User, &filter, page)?;
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
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn find(services: &Services, user_seq: UserSeq) -> Result<User, Error> {
    let row = services
        .store
        .read(move |connection| table::find_by_id(connection, user_seq))
        .await?;
    row.map(User::from)
        .ok_or(Error::AccountNotFound(UserType::User))
}

/// The user of this e-mail address.
///
/// # Errors
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn find_by_email(services: &Services, email: &Email) -> Result<User, Error> {
    let normalised = email.normalised().to_owned();
    let row = services
        .store
        .read(move |connection| table::find_by_email(connection, &normalised))
        .await?;
    row.map(User::from)
        .ok_or(Error::AccountNotFound(UserType::User))
}

/// Whether there is an administrator who may log in.
///
/// # Errors
/// Errors of the store.
pub async fn any_administrator(services: &Services) -> Result<bool, Error> {
    Ok(services.store.read(table::any_active_admin).await?)
}
