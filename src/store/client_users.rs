//! The table `client_users`: rows of external clients, and the queries of single rows. Lists of clients, for the API
//! and the CLI as well as the admin panel, are in `account_list` and `account_pages`.

use diesel::{dsl::max, prelude::*};

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::principal::UserSeq;
use crate::store::account_queries::account_queries;
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
    /// The recipient of this client's one-time codes; `None` if the account is inactive.
    #[must_use]
    pub fn recipient(&self) -> Option<Recipient> {
        self.is_active.then(|| Recipient {
            id: self.id,
            username: self.username.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
        })
    }

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

account_queries!(client_users, ClientRow, NewClient, ClientChanges);

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
#[derive(Clone, PartialEq, Eq)]
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
