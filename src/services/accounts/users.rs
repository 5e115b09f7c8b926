//! Internal users: types, listing and finding.

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::config::{Rights, RolesConfig};
use crate::domain::account::{Account, Email, ExternalId, Name, Role, Username, normalised_login};
use crate::domain::account_claims::AccountClaims;
use crate::domain::paging::{Page, Paged};
use crate::domain::password::Password;
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::account_list::NumberedFilter;
use crate::store::users::UserRow;
use crate::store::{Store, account_pages, users as table};

/// An internal user, as the interfaces show it: without the password hash.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct User {
    /// The number within this population.
    pub user_seq: UserSeq,
    /// The e-mail address as typed; `null` if the user has only a username.
    #[schemars(example = &"minji@example.org")]
    pub email: Option<String>,
    /// Whether the e-mail address is verified, so that links and codes are sent to it; `null` without one.
    pub email_verified: Option<bool>,
    /// The username as typed, to log in by instead of the e-mail address.
    #[schemars(example = &"minji")]
    pub username: Option<String>,
    /// The id in another system.
    #[schemars(example = &"8d0c6d5e-4a1f-4c0f-9a53-8f2b7a7b9c11")]
    pub external_id: Option<String>,
    /// The name.
    #[schemars(example = &"Kim Minji")]
    pub name: String,
    /// The role.
    pub role: Role,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The claims of its own, for its access tokens.
    pub claims: Option<AccountClaims>,
    /// The last login.
    pub last_login_at: Option<Timestamp>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the account was last changed.
    pub updated_at: Timestamp,
    /// Since when the e-mail address is verified, if it is.
    #[serde(skip)]
    pub email_verified_at: Option<Timestamp>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let email_verified = row.account().email_verified();
        Self {
            user_seq: row.id,
            email_verified,
            email: row.email,
            username: row.username,
            external_id: row.external_id,
            name: row.name,
            role: row.role,
            is_active: row.is_active,
            claims: row.claims,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            email_verified_at: row.email_verified_at,
        }
    }
}

impl User {
    /// The account, as other services take it.
    #[must_use]
    pub fn account(self) -> Account {
        Account {
            principal: Principal::user(self.user_seq),
            email: self.email,
            username: self.username,
            external_id: self.external_id,
            name: self.name,
            role: Some(self.role),
            is_active: self.is_active,
            claims: self.claims,
            email_verified_at: self.email_verified_at,
        }
    }
}

/// A user to be created.
pub struct NewUser {
    /// The e-mail address. There must be one or a username.
    pub email: Option<Email>,
    /// Whether the e-mail address counts as verified.
    pub email_verified: bool,
    /// The username.
    pub username: Option<Username>,
    /// The id in another system.
    pub external_id: Option<ExternalId>,
    /// The name.
    pub name: Name,
    /// The role.
    pub role: Role,
    /// The first password; without one the user cannot log in until it is set.
    pub password: Option<Password>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The claims of its own.
    pub claims: Option<AccountClaims>,
}

/// Changes of a user; `None` leaves a field unchanged, an inner `None` clears it.
#[derive(Default)]
pub struct UserChanges {
    /// The e-mail address.
    pub email: Option<Option<Email>>,
    /// Whether the e-mail address counts as verified; a new one does if this is `None`.
    pub email_verified: Option<bool>,
    /// The username.
    pub username: Option<Option<Username>>,
    /// The id in another system.
    pub external_id: Option<Option<ExternalId>>,
    /// The name.
    pub name: Option<Name>,
    /// The role.
    pub role: Option<Role>,
    /// A new password.
    pub password: Option<Password>,
    /// Whether the account may log in.
    pub is_active: Option<bool>,
    /// The claims of its own.
    pub claims: Option<Option<AccountClaims>>,
}

impl UserChanges {
    /// Whether an administrator would lose the rights of the role.
    pub(crate) fn takes_rights_of_admins(&self, roles: &RolesConfig) -> bool {
        let loses = |role: &Role| roles.rights(role) != Rights::ALL;
        self.is_active == Some(false) || self.role.as_ref().is_some_and(loses)
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

/// The user of this e-mail address or username, as typed.
///
/// # Errors
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn find_by_login(services: &Services, typed: &str) -> Result<User, Error> {
    let normalised = normalised_login(typed);
    let row = services
        .store
        .read(move |connection| table::find_by_login(connection, &normalised))
        .await?;
    row.map(User::from)
        .ok_or(Error::AccountNotFound(UserType::User))
}

/// Whether there is an administrator who may log in.
///
/// # Errors
/// Errors of the store.
pub async fn any_administrator(services: &Services) -> Result<bool, Error> {
    let full = services.roles.full();
    let any = services
        .store
        .read(move |connection| table::any_active(connection, &full));
    Ok(any.await?)
}
