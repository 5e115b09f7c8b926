//! The table `users`: rows of internal users, and the queries of single rows. Lists of users, for the API and the CLI
//! as well as the admin panel, are in `account_list` and `account_pages`.

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::domain::account::{Account, Role};
use crate::domain::paging::Order;
use crate::domain::principal::UserSeq;
use crate::store::engine::connection::Db;
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

/// A column that lists are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the column of its name")]
pub enum UserColumn {
    UserSeq,
    Email,
    Name,
    Role,
    IsActive,
    LastLoginAt,
    CreatedAt,
    UpdatedAt,
}

/// The users of a list with page numbers, and its order.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// A part of the e-mail address or the name.
    pub search: Option<String>,
    /// Only this role.
    pub role: Option<Role>,
    /// Only active or only inactive accounts.
    pub is_active: Option<bool>,
    /// The order. The id decides between equal rows, and is the order if this is empty.
    pub order: Vec<Order<UserColumn>>,
}

/// Finds a user by id.
pub fn find_by_id(connection: &mut Db, id: UserSeq) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table.find(id).get_result(connection).optional()?)
}

/// Finds a user by id, and locks its row until the transaction ends.
pub fn lock(connection: &mut Db, id: UserSeq) -> Result<Option<UserRow>, StoreError> {
    let row = users::table.find(id);
    Ok(match connection {
        Db::Postgres(postgres) => row.for_update().get_result(postgres).optional()?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => row.get_result(sqlite).optional()?,
    })
}

/// Finds a user by normalised e-mail address.
pub fn find_by_email(connection: &mut Db, normalised: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table
        .filter(users::email_normalized.eq(normalised))
        .get_result(connection)
        .optional()?)
}

/// Inserts a row; [`StoreError::Conflict`] on `email_normalized` if the address is taken.
pub fn insert(connection: &mut Db, new: &NewUser) -> Result<UserRow, StoreError> {
    Ok(diesel::insert_into(users::table)
        .values(new)
        .returning(users::all_columns)
        .get_result(connection)?)
}

/// Updates a row and returns it; `None` if there is no such user.
pub fn update(
    connection: &mut Db,
    id: UserSeq,
    changes: &UserChanges,
) -> Result<Option<UserRow>, StoreError> {
    Ok(diesel::update(users::table.find(id))
        .set(changes)
        .returning(users::all_columns)
        .get_result(connection)
        .optional()?)
}

/// Deletes a row. Returns `true` if this call did it.
pub fn delete(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
    Ok(diesel::delete(users::table.find(id)).execute(connection)? == 1)
}

/// Records a login by the password with this hash, and locks the row, so that a concurrent deactivation is either seen
/// or has to wait. Returns `false` if the user is not active any more or the password was changed.
pub fn record_login(
    connection: &mut Db,
    id: UserSeq,
    hash: &str,
    last_login_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let row = users::table
        .find(id)
        .filter(users::is_active.eq(true))
        .filter(users::password_hash.eq(hash));
    let changed = match last_login_at {
        Some(now) => diesel::update(row)
            .set(users::last_login_at.eq(now))
            .execute(connection)?,
        None => diesel::update(row)
            .set(users::last_login_at.eq(users::last_login_at))
            .execute(connection)?,
    };
    Ok(changed == 1)
}

/// Replaces the hash `old` by a stronger one of the same password. Returns `false` if the stored hash is not `old` any
/// more.
pub fn replace_hash(
    connection: &mut Db,
    id: UserSeq,
    old: &str,
    new: &str,
) -> Result<bool, StoreError> {
    let row = users::table.find(id).filter(users::password_hash.eq(old));
    Ok(diesel::update(row)
        .set(users::password_hash.eq(new))
        .execute(connection)?
        == 1)
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
