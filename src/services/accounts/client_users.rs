//! External clients: listing and finding. How they are made, changed and deleted is in `changes`.

use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Name, Phone, Username},
        paging::{Page, Paged},
        password::Password,
        principal::UserSeq,
    },
    services::{
        bootstrap::Services,
        error::{Error, Missing},
    },
    store::{
        account_pages, client_users as table,
        client_users::{ClientFilter, ClientRow},
    },
};

/// An external client as the doors see it: without the password's hash.
#[derive(Clone, Debug)]
pub struct Client {
    /// The number within this population.
    pub user_seq: UserSeq,
    /// The username as typed.
    pub username: String,
    /// What the client is called.
    pub name: String,
    /// Where codes go by mail.
    pub email: Option<String>,
    /// Where codes go by telephone.
    pub phone: Option<String>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The last log-in.
    pub last_login_at: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl From<ClientRow> for Client {
    fn from(row: ClientRow) -> Self {
        Self {
            user_seq: row.id,
            username: row.username,
            name: row.name,
            email: row.email,
            phone: row.phone,
            is_active: row.is_active,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A client to be made.
pub struct NewClient {
    /// The name to log in by.
    pub username: Username,
    /// What the client is called; none: as the username.
    pub name: Option<Name>,
    /// Where codes go by mail.
    pub email: Option<Email>,
    /// Where codes go by telephone.
    pub phone: Option<Phone>,
    /// The first password; none: log-in by one-time code only.
    pub password: Option<Password>,
    /// Whether the account may log in.
    pub is_active: bool,
}

/// What is to be changed of a client; `None` leaves a field as it is, an inner `None` empties it.
#[derive(Default)]
pub struct ClientChanges {
    /// The name to log in by.
    pub username: Option<Username>,
    /// What the client is called.
    pub name: Option<Name>,
    /// Where codes go by mail.
    pub email: Option<Option<Email>>,
    /// Where codes go by telephone.
    pub phone: Option<Option<Phone>>,
    /// A new password, or none any more.
    pub password: Option<Option<Password>>,
    /// Whether the account may log in.
    pub is_active: Option<bool>,
}

/// A page of the clients that a filter holds.
///
/// # Errors
/// The store's.
pub async fn list(
    services: &Services,
    filter: ClientFilter,
    page: Page,
) -> Result<Paged<Client>, Error> {
    services
        .store
        .read_list(move |connection| {
            let (rows, total) = account_pages::numbered_clients(connection, &filter, page)?;
            Ok(Paged {
                page,
                items: rows.into_iter().map(Client::from).collect(),
                total,
            })
        })
        .await
}

/// The client of this number.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn find(services: &Services, user_seq: UserSeq) -> Result<Client, Error> {
    let row = services
        .store
        .read(move |connection| table::find_by_id(connection, user_seq))
        .await?;
    row.map(Client::from)
        .ok_or(Error::AccountNotFound(Missing::Client))
}

/// The client of this username.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn find_by_username(services: &Services, username: &Username) -> Result<Client, Error> {
    let normalised = username.normalised().to_owned();
    let row = services
        .store
        .read(move |connection| table::find_by_username(connection, &normalised))
        .await?;
    row.map(Client::from)
        .ok_or(Error::AccountNotFound(Missing::Client))
}
