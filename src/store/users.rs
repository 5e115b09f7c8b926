//! The table `users`: rows of internal users, and the queries of single rows. Lists of users, for the API and the CLI
//! as well as the admin panel, are in `account_list` and `account_pages`.

use std::collections::BTreeSet;

use diesel::{prelude::*, sql_types::Text};

use crate::clock::Timestamp;
use crate::domain::account::{Account, Role};
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::{Principal, UserSeq};
use crate::store::account_queries::account_queries;
use crate::store::engine::connection::{Db, MultiBackend};
use crate::store::error::StoreError;
use crate::store::schema::users;

/// A row. It contains the password hash and is therefore never serialised.
#[derive(Queryable, QueryableByName, Insertable, Clone)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct UserRow {
    /// The id within this user type.
    pub id: UserSeq,
    /// The e-mail address as typed. There is an e-mail address or a username.
    pub email: Option<String>,
    /// The normalised e-mail address.
    pub email_normalized: Option<String>,
    /// The username as typed.
    pub username: Option<String>,
    /// The normalised username.
    pub username_normalized: Option<String>,
    /// The id in another system.
    pub external_id: Option<String>,
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
    /// The claims of the account's own.
    pub claims: Option<AccountClaims>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Timestamp>,
}

impl UserRow {
    /// The data of this user for tokens and responses.
    #[must_use]
    pub fn account(&self) -> Account {
        Account {
            principal: Principal::user(self.id),
            email: self.email.clone(),
            username: self.username.clone(),
            external_id: self.external_id.clone(),
            name: self.name.clone(),
            role: Some(self.role.clone()),
            is_active: self.is_active,
            claims: self.claims.clone(),
            email_verified_at: self.email_verified_at,
        }
    }
}

/// The columns of an [`Account`].
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct UserAccount {
    id: UserSeq,
    email: Option<String>,
    username: Option<String>,
    external_id: Option<String>,
    name: String,
    role: Role,
    is_active: bool,
    claims: Option<AccountClaims>,
    email_verified_at: Option<Timestamp>,
}

impl From<UserAccount> for Account {
    fn from(row: UserAccount) -> Self {
        Self {
            principal: Principal::user(row.id),
            email: row.email,
            username: row.username,
            external_id: row.external_id,
            name: row.name,
            role: Some(row.role),
            is_active: row.is_active,
            claims: row.claims,
            email_verified_at: row.email_verified_at,
        }
    }
}

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = users)]
pub struct NewUser {
    /// The e-mail address as typed. There is an e-mail address or a username.
    pub email: Option<String>,
    /// The normalised e-mail address.
    pub email_normalized: Option<String>,
    /// The username as typed.
    pub username: Option<String>,
    /// The normalised username.
    pub username_normalized: Option<String>,
    /// The id in another system.
    pub external_id: Option<String>,
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
    /// The claims of the account's own.
    pub claims: Option<AccountClaims>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Timestamp>,
}

/// The columns to update; `None` leaves a column unchanged, an inner `None` sets it to NULL.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = users)]
pub struct UserChanges {
    /// The e-mail address as typed.
    pub email: Option<Option<String>>,
    /// The normalised e-mail address.
    pub email_normalized: Option<Option<String>>,
    /// The username as typed.
    pub username: Option<Option<String>>,
    /// The normalised username.
    pub username_normalized: Option<Option<String>>,
    /// The id in another system.
    pub external_id: Option<Option<String>>,
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
    /// The claims of the account's own.
    pub claims: Option<Option<AccountClaims>>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Option<Timestamp>>,
}

account_queries!(users, UserRow, NewUser, UserChanges);

/// Finds a user by normalised login name: by e-mail address first, then by username.
pub fn find_by_login(connection: &mut Db, normalised: &str) -> Result<Option<UserRow>, StoreError> {
    let by_email = users::table
        .filter(users::email_normalized.eq(normalised))
        .get_result(connection)
        .optional()?;
    if by_email.is_some() {
        return Ok(by_email);
    }
    Ok(users::table
        .filter(users::username_normalized.eq(normalised))
        .get_result(connection)
        .optional()?)
}

/// The advisory lock of all names to log in by.
const ALL_LOGINS: &str = "hashtextextended('munjigi: all names to log in by', 0)";

/// Locks the normalised names that a transaction is about to store, until its end, so that two concurrent transactions cannot
/// store the same name in two columns. Before it locks a row of a user: an import locks all names first, and then rows.
///
/// SQLite's writer holds the only write lock already.
pub fn lock_logins(
    connection: &mut Db,
    email: Option<&str>,
    username: Option<&str>,
) -> Result<(), StoreError> {
    // In one order, to prevent deadlocks.
    let names: BTreeSet<&str> = email.into_iter().chain(username).collect();
    if let (Db::Postgres(postgres), false) = (connection, names.is_empty()) {
        diesel::sql_query(format!("SELECT pg_advisory_xact_lock_shared({ALL_LOGINS})"))
            .execute(postgres)?;
        for name in names {
            diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind::<Text, _>(name)
                .execute(postgres)?;
        }
    }
    Ok(())
}

/// Locks all names to log in by until the end of the transaction.
pub fn lock_all_logins(connection: &mut Db) -> Result<(), StoreError> {
    if let Db::Postgres(postgres) = connection {
        diesel::sql_query(format!("SELECT pg_advisory_xact_lock({ALL_LOGINS})"))
            .execute(postgres)?;
    }
    Ok(())
}

/// Which field of a user has a login name of another user in the other column: an e-mail address that is the username of
/// another user, or the reverse. The same column of two users is compared by its unique index. Part of a transaction that has
/// locked the names.
pub fn find_login_conflict(
    connection: &mut Db,
    id: Option<UserSeq>,
    email: Option<&str>,
    username: Option<&str>,
) -> Result<Option<&'static str>, StoreError> {
    let id = id.map_or(0, UserSeq::get);
    let others = || users::table.filter(users::id.ne(id));
    if let Some(email) = email {
        let same = others().filter(users::username_normalized.eq(email));
        if diesel::select(diesel::dsl::exists(same)).get_result(connection)? {
            return Ok(Some("email"));
        }
    }
    if let Some(username) = username {
        let same = others().filter(users::email_normalized.eq(username));
        if diesel::select(diesel::dsl::exists(same)).get_result(connection)? {
            return Ok(Some("username"));
        }
    }
    Ok(None)
}

/// Whether there is an active user with one of these roles.
pub fn any_active(connection: &mut Db, roles: &[Role]) -> Result<bool, StoreError> {
    let users = users::table
        .filter(users::role.eq_any(roles))
        .filter(users::is_active.eq(true));
    Ok(diesel::select(diesel::dsl::exists(users)).get_result(connection)?)
}

/// Whether there is no other active user with one of these roles than this one.
pub fn is_only_active(
    connection: &mut Db,
    roles: &[Role],
    id: UserSeq,
) -> Result<bool, StoreError> {
    let others = users::table
        .filter(users::role.eq_any(roles))
        .filter(users::is_active.eq(true))
        .filter(users::id.ne(id));
    Ok(!diesel::select(diesel::dsl::exists(others)).get_result::<bool>(connection)?)
}

/// Gives those of these users who have the role `old` another one, and returns their rows.
pub fn replace_role(
    connection: &mut Db,
    ids: &[UserSeq],
    old: &Role,
    new: &Role,
    updated_at: Timestamp,
) -> Result<Vec<UserRow>, StoreError> {
    let users = users::table
        .filter(users::id.eq_any(ids.to_vec()))
        .filter(users::role.eq(old));
    Ok(diesel::update(users)
        .set((users::role.eq(new), users::updated_at.eq(updated_at)))
        .returning(users::all_columns)
        .get_results(connection)?)
}

/// The active users with one of these roles.
pub fn list_active(connection: &mut Db, roles: &[Role]) -> Result<Vec<UserSeq>, StoreError> {
    Ok(users::table
        .filter(users::role.eq_any(roles))
        .filter(users::is_active.eq(true))
        .select(users::id)
        .load(connection)?)
}

/// Locks the active users with one of these roles until the transaction ends, so that two concurrent changes cannot remove
/// the last ones.
pub fn lock_active(connection: &mut Db, roles: &[Role]) -> Result<Vec<UserSeq>, StoreError> {
    let users = users::table
        .filter(users::role.eq_any(roles))
        .filter(users::is_active.eq(true))
        .order(users::id)
        .select(users::id);
    Ok(match connection {
        Db::Postgres(postgres) => users.for_update().load(postgres)?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => users.load(sqlite)?,
    })
}

/// The roles of all users, each with the number of its users.
pub fn count_by_role(connection: &mut Db) -> Result<Vec<(Role, i64)>, StoreError> {
    Ok(users::table
        .group_by(users::role)
        .select((users::role, diesel::dsl::count_star()))
        .order(users::role)
        .load(connection)?)
}
