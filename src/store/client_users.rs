//! The table `client_users`: rows of external clients, and the queries of single rows. Lists of clients, for the API
//! and the CLI as well as the admin panel, are in `account_list` and `account_pages`.

use diesel::{dsl::max, prelude::*};

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::paging::Order;
use crate::domain::principal::UserSeq;
use crate::store::engine::connection::{Db, MultiBackend};
use crate::store::error::StoreError;
use crate::store::schema::client_users;

/// A row. It can contain a password hash and is therefore never serialised.
#[derive(Queryable, QueryableByName, Clone)]
#[diesel(table_name = client_users)]
pub struct ClientRow {
    /// The id within this user type.
    pub id: UserSeq,
    /// The username as typed.
    pub username: String,
    /// The normalised username.
    pub username_normalized: String,
    /// The name.
    pub name: String,
    /// The normalised name.
    pub name_normalized: String,
    /// The e-mail address for one-time codes.
    pub email: Option<String>,
    /// The normalised e-mail address.
    pub email_normalized: Option<String>,
    /// The phone number for one-time codes.
    pub phone: Option<String>,
    /// The password hash; `None` if the client can log in only by one-time code.
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

impl ClientRow {
    /// The data of this client for tokens and responses.
    #[must_use]
    pub fn account(&self) -> Account {
        let (username, name) = (self.username.clone(), self.name.clone());
        Account::client(self.id, username, name, self.email.clone(), self.is_active)
    }
}

/// A row to insert.
#[derive(Insertable, Clone)]
#[diesel(table_name = client_users)]
pub struct NewClient {
    /// The username as typed.
    pub username: String,
    /// The normalised username.
    pub username_normalized: String,
    /// The name.
    pub name: String,
    /// The normalised name.
    pub name_normalized: String,
    /// The e-mail address for one-time codes.
    pub email: Option<String>,
    /// The normalised e-mail address.
    pub email_normalized: Option<String>,
    /// The phone number for one-time codes.
    pub phone: Option<String>,
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

/// The columns to update; `None` leaves a column unchanged, an inner `None` sets it to NULL.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = client_users)]
pub struct ClientChanges {
    /// The username as typed.
    pub username: Option<String>,
    /// The normalised username.
    pub username_normalized: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The normalised name.
    pub name_normalized: Option<String>,
    /// The e-mail address for one-time codes.
    pub email: Option<Option<String>>,
    /// The normalised e-mail address.
    pub email_normalized: Option<Option<String>>,
    /// The phone number for one-time codes.
    pub phone: Option<Option<String>>,
    /// The password hash.
    pub password_hash: Option<Option<String>>,
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
pub enum ClientColumn {
    UserSeq,
    Username,
    Name,
    Email,
    IsActive,
    LastLoginAt,
    CreatedAt,
    UpdatedAt,
}

/// The clients of a list with page numbers, and its order.
#[derive(Clone, Debug, Default)]
pub struct ClientFilter {
    /// A part of the username, name, e-mail address or phone number.
    pub search: Option<String>,
    /// Only active or only inactive accounts.
    pub is_active: Option<bool>,
    /// The order. The id decides between equal rows, and is the order if this is empty.
    pub order: Vec<Order<ClientColumn>>,
}

/// Finds a client by id.
pub fn find_by_id(connection: &mut Db, id: UserSeq) -> Result<Option<ClientRow>, StoreError> {
    Ok(client_users::table
        .find(id)
        .get_result(connection)
        .optional()?)
}

/// Finds a client by id, and locks its row until the transaction ends.
pub fn lock(connection: &mut Db, id: UserSeq) -> Result<Option<ClientRow>, StoreError> {
    let row = client_users::table.find(id);
    Ok(match connection {
        Db::Postgres(postgres) => row.for_update().get_result(postgres).optional()?,
        // SQLite's writer holds the only write lock already.
        Db::Sqlite(sqlite) => row.get_result(sqlite).optional()?,
    })
}

/// Finds a client by normalised username.
pub fn find_by_username(
    connection: &mut Db,
    normalised: &str,
) -> Result<Option<ClientRow>, StoreError> {
    Ok(client_users::table
        .filter(client_users::username_normalized.eq(normalised))
        .get_result(connection)
        .optional()?)
}

/// The recipient of one-time codes.
#[derive(Clone)]
pub struct Recipient {
    /// The id within this user type.
    pub id: UserSeq,
    /// The username as typed when the account was made.
    pub username: String,
    /// The e-mail address for one-time codes.
    pub email: Option<String>,
    /// The phone number for one-time codes.
    pub phone: Option<String>,
}

/// Finds an active client by normalised username, with the columns that sending a code needs.
///
/// Usernames are unique, so `max` returns the values of the row. An aggregate returns one row whether or not the client
/// exists, so that the query takes the same time.
pub fn find_recipient(
    connection: &mut Db,
    normalised: &str,
) -> Result<Option<Recipient>, StoreError> {
    type Found = (
        Option<UserSeq>,
        Option<String>,
        Option<String>,
        Option<String>,
    );
    let (id, username, email, phone): Found = client_users::table
        .filter(client_users::username_normalized.eq(normalised))
        .filter(client_users::is_active.eq(true))
        .select((
            max(client_users::id),
            max(client_users::username),
            max(client_users::email),
            max(client_users::phone),
        ))
        .get_result(connection)?;
    Ok(id.zip(username).map(|(id, username)| Recipient {
        id,
        username,
        email,
        phone,
    }))
}

/// Inserts a row; [`StoreError::Conflict`] on `username_normalized` if the username is taken.
pub fn insert(connection: &mut Db, new: &NewClient) -> Result<ClientRow, StoreError> {
    Ok(diesel::insert_into(client_users::table)
        .values(new)
        .returning(client_users::all_columns)
        .get_result(connection)?)
}

/// Updates a row and returns it; `None` if there is no such client.
pub fn update(
    connection: &mut Db,
    id: UserSeq,
    changes: &ClientChanges,
) -> Result<Option<ClientRow>, StoreError> {
    Ok(diesel::update(client_users::table.find(id))
        .set(changes)
        .returning(client_users::all_columns)
        .get_result(connection)
        .optional()?)
}

/// Deletes a row. Returns `true` if this call did it.
pub fn delete(connection: &mut Db, id: UserSeq) -> Result<bool, StoreError> {
    Ok(diesel::delete(client_users::table.find(id)).execute(connection)? == 1)
}

/// Records a login, and locks the row, so that a concurrent deactivation is either seen or has to wait. Returns
/// `false` if the client is not active any more, or if `hash` (for a login by password) is not its password hash any
/// more.
pub fn record_login(
    connection: &mut Db,
    id: UserSeq,
    hash: Option<&str>,
    last_login_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let mut update = diesel::update(client_users::table.find(id)).into_boxed::<MultiBackend>();
    update = update.filter(client_users::is_active.eq(true));
    if let Some(hash) = hash {
        update = update.filter(client_users::password_hash.eq(hash.to_owned()));
    }
    let changed = match last_login_at {
        Some(now) => update
            .set(client_users::last_login_at.eq(now))
            .execute(connection)?,
        None => update
            .set(client_users::last_login_at.eq(client_users::last_login_at))
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
    let row = client_users::table
        .find(id)
        .filter(client_users::password_hash.eq(old));
    Ok(diesel::update(row)
        .set(client_users::password_hash.eq(new))
        .execute(connection)?
        == 1)
}
