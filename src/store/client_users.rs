//! The table `client_users`: rows of external clients, and the queries of single rows. Lists of clients, for the API
//! and the CLI as well as the admin panel, are in `account_list` and `account_pages`.

use diesel::{dsl::max, prelude::*};

use crate::clock::Timestamp;
use crate::domain::account::Account;
use crate::domain::account_claims::AccountClaims;
use crate::domain::principal::{Principal, UserSeq};
use crate::store::account_queries::account_queries;
use crate::store::engine::connection::{Db, MultiBackend};
use crate::store::error::StoreError;
use crate::store::schema::client_users;

/// A row. It can contain a password hash and is therefore never serialised.
#[derive(Queryable, QueryableByName, Insertable, Clone)]
#[diesel(table_name = client_users, treat_none_as_default_value = false)]
pub struct ClientRow {
    /// The id within this user type.
    pub id: UserSeq,
    /// The username as typed.
    pub username: String,
    /// The normalised username.
    pub username_normalized: String,
    /// The id in another system.
    pub external_id: Option<String>,
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
    /// The claims of the account's own.
    pub claims: Option<AccountClaims>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Timestamp>,
}

impl ClientRow {
    /// The recipient of this client's one-time codes; `None` if the account is inactive.
    #[must_use]
    pub fn recipient(&self) -> Option<Recipient> {
        self.is_active.then(|| Recipient {
            id: self.id,
            username: self.username.clone(),
            email: self
                .email
                .clone()
                .filter(|_| self.email_verified_at.is_some()),
            phone: self.phone.clone(),
        })
    }

    /// The data of this client for tokens and responses.
    #[must_use]
    pub fn account(&self) -> Account {
        Account {
            principal: Principal::client(self.id),
            email: self.email.clone(),
            username: Some(self.username.clone()),
            external_id: self.external_id.clone(),
            name: self.name.clone(),
            role: None,
            is_active: self.is_active,
            claims: self.claims.clone(),
            email_verified_at: self.email_verified_at,
        }
    }
}

/// The columns of an [`Account`].
#[derive(Queryable, Selectable)]
#[diesel(table_name = client_users)]
pub(super) struct ClientAccount {
    id: UserSeq,
    email: Option<String>,
    username: String,
    external_id: Option<String>,
    name: String,
    is_active: bool,
    claims: Option<AccountClaims>,
    email_verified_at: Option<Timestamp>,
}

impl From<ClientAccount> for Account {
    fn from(row: ClientAccount) -> Self {
        Self {
            principal: Principal::client(row.id),
            email: row.email,
            username: Some(row.username),
            external_id: row.external_id,
            name: row.name,
            role: None,
            is_active: row.is_active,
            claims: row.claims,
            email_verified_at: row.email_verified_at,
        }
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
    /// The id in another system.
    pub external_id: Option<String>,
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
    /// The claims of the account's own.
    pub claims: Option<AccountClaims>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Timestamp>,
}

/// The columns to update; `None` leaves a column unchanged, an inner `None` sets it to NULL.
#[derive(AsChangeset, Clone)]
#[diesel(table_name = client_users)]
pub struct ClientChanges {
    /// The username as typed.
    pub username: Option<String>,
    /// The normalised username.
    pub username_normalized: Option<String>,
    /// The id in another system.
    pub external_id: Option<Option<String>>,
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
    /// The claims of the account's own.
    pub claims: Option<Option<AccountClaims>>,
    /// Since when the e-mail address is verified, if it is.
    pub email_verified_at: Option<Option<Timestamp>>,
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
    /// The e-mail address for one-time codes, if it is verified.
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
        Option<Timestamp>,
        Option<String>,
    );
    let (id, username, email, verified_at, phone): Found = client_users::table
        .filter(client_users::username_normalized.eq(normalised))
        .filter(client_users::is_active.eq(true))
        .select((
            max(client_users::id),
            max(client_users::username),
            max(client_users::email),
            max(client_users::email_verified_at),
            max(client_users::phone),
        ))
        .get_result(connection)?;
    Ok(id.zip(username).map(|(id, username)| Recipient {
        id,
        username,
        email: email.filter(|_| verified_at.is_some()),
        phone,
    }))
}
