//! The table `users`: rows of internal users, and the queries of single rows. Lists of users, for the API and the CLI
//! as well as the admin panel, are in `account_list` and `account_pages`.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::account::{Account, Role};
use crate::domain::principal::UserSeq;
use crate::store::account_queries::account_queries;
use crate::store::engine::connection::{Db, MultiBackend};
use crate::store::error::StoreError;
use crate::store::schema::users;

/// A row. It contains the password hash and is therefore never serialised.
#[derive(Queryable, QueryableByName, Clone)]
#[diesel(table_name = users)]
pub struct UserRow {
    /// The id within this user type.
    pub id: UserSeq,
    /// The e-mail address as typed.
    pub email: String,
    /// The normalised e-mail address.
    pub email_normalized: String,
    /// The name.
    pub name: String,
    /// The normalised name.
    pub name_normalized: String,
    /// The role.
    pub role: Role,
    /// The password hash; `None` if the user cannot log in by password.
    pub password_hash: Option<String>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The time of the last login.
    pub last_login_at: Option<Timestamp>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change by an administrator or the account itself.
    pub updated_at: Timestamp,
    /// The text that searches compare with, see [`searchable`](crate::domain::text::searchable).
    pub search_text: String,
}

impl UserRow {
    /// The data of this user for tokens and responses.
    #[must_use]
    pub fn account(&self) -> Account {
        let (email, name) = (self.email.clone(), self.name.clone());
        Account::user(self.id, email, name, self.role, self.is_active)
    }
}

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = users)]
pub struct NewUser {
    /// The e-mail address as typed.
    pub email: String,
    /// The normalised e-mail address.
    pub email_normalized: String,
    /// The name.
    pub name: String,
    /// The normalised name.
    pub name_normalized: String,
    /// The role.
    pub role: Role,
    /// The password hash.
    pub password_hash: Option<String>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The same time.
    pub updated_at: Timestamp,
    /// The text that searches compare with, see [`searchable`](crate::domain::text::searchable).
    pub search_text: String,
}

/// The columns to update; `None` leaves a column unchanged.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = users)]
pub struct UserChanges {
    /// The e-mail address as typed.
    pub email: Option<String>,
    /// The normalised e-mail address.
    pub email_normalized: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The normalised name.
    pub name_normalized: Option<String>,
    /// The role.
    pub role: Option<Role>,
    /// The password hash.
    pub password_hash: Option<String>,
    /// Whether the account may log in.
    pub is_active: Option<bool>,
    /// The time of this change.
    pub updated_at: Timestamp,
    /// The text that searches compare with, see [`searchable`](crate::domain::text::searchable).
    pub search_text: Option<String>,
}

account_queries!(users, UserRow, NewUser, UserChanges);

/// Finds a user by normalised e-mail address.
pub fn find_by_email(connection: &mut Db, normalised: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table
        .filter(users::email_normalized.eq(normalised))
        .get_result(connection)
        .optional()?)
}

/// Whether an active administrator exists.
pub fn any_active_admin(connection: &mut Db) -> Result<bool, StoreError> {
    let admins = users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true));
    Ok(diesel::select(diesel::dsl::exists(admins)).get_result(connection)?)
}

/// Whether there is no other active administrator than this user.
pub fn is_only_active_admin(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
    let others = users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true))
        .filter(users::id.ne(id));
    Ok(!diesel::select(diesel::dsl::exists(others)).get_result::<bool>(connection)?)
}

/// Locks the active administrators until the transaction ends, so that two concurrent changes cannot remove the last
/// ones.
pub fn lock_active_admins(connection: &mut Db) -> Result<Vec<UserSeq>, StoreError> {
    let admins = users::table
        .filter(users::role.eq(Role::Admin))
        .filter(users::is_active.eq(true))
        .order(users::id)
        .select(users::id);
    Ok(match connection {
        Db::Postgres(postgres) => admins.for_update().load(postgres)?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => admins.load(sqlite)?,
    })
}
