//! External clients: listing, making, changing, deleting. A change that takes rights away ends the sessions with it.

use super::{
    Error, Missing, Services,
    logout::end_all,
    users::{checked_hash, reason_to_end},
};
use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Name, Phone, Username},
        paging::{Page, Paged},
        password::Password,
        principal::{Principal, UserSeq},
        session::RevocationReason,
        text::normalised,
    },
    store::{
        StoreError,
        client_users::{
            self as table, ClientChanges as RowChanges, ClientFilter, ClientRow,
            NewClient as NewRow,
        },
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
        .read(move |connection| {
            let total = table::count(connection, &filter)?;
            let rows = table::list(connection, &filter, page)?;
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

/// Makes a client.
///
/// # Errors
/// [`Error::Invalid`] when the password breaks the policy, [`Error::AlreadyExists`] when the username is taken,
/// [`Error::Overloaded`], and the store's.
pub async fn create(services: &Services, new: NewClient) -> Result<Client, Error> {
    let NewClient {
        username,
        name,
        email,
        phone,
        password,
        is_active,
    } = new;
    let name = name.map_or_else(
        || username.as_typed().to_owned(),
        |name| name.as_str().to_owned(),
    );
    let email_normalized = email.as_ref().map(|email| email.normalised().to_owned());
    let email = email.map(|email| email.as_typed().to_owned());
    let password_hash = match password {
        Some(password) => {
            let own_words = [
                username.as_typed(),
                name.as_str(),
                email.as_deref().unwrap_or_default(),
            ];
            Some(checked_hash(services, password, &own_words).await?)
        }
        None => None,
    };
    let now = services.clock.now();
    let row = NewRow {
        username: username.as_typed().to_owned(),
        username_normalized: username.normalised().to_owned(),
        name_normalized: normalised(&name),
        name,
        email,
        email_normalized,
        phone: phone.map(|phone| phone.as_str().to_owned()),
        password_hash,
        is_active,
        created_at: now,
        updated_at: now,
    };
    let row = services
        .store
        .write(move |connection| table::insert(connection, &row))
        .await
        .map_err(conflict)?;
    Ok(row.into())
}

/// Changes a client. Deactivating and a new password end its sessions in the same transaction.
///
/// # Errors
/// As [`create`], and [`Error::AccountNotFound`].
pub async fn update(
    services: &Services,
    user_seq: UserSeq,
    changes: ClientChanges,
) -> Result<Client, Error> {
    let password_hash = match changes.password.clone() {
        Some(Some(password)) => {
            let old = find(services, user_seq).await?;
            let username = changes
                .username
                .as_ref()
                .map_or(old.username.as_str(), Username::as_typed);
            let name = changes
                .name
                .as_ref()
                .map_or(old.name.as_str(), Name::as_str);
            let email = match &changes.email {
                Some(email) => email.as_ref().map(Email::as_typed),
                None => old.email.as_deref(),
            };
            let own_words = [username, name, email.unwrap_or_default()];
            Some(Some(checked_hash(services, password, &own_words).await?))
        }
        Some(None) => Some(None),
        None => None,
    };
    let now = services.clock.now();
    let reason = reason_to_end(changes.is_active, password_hash.is_some());
    let row = changed_row(&changes, password_hash, now);
    let updated = services
        .store
        .write(move |connection| {
            let updated = table::update(connection, user_seq, &row)?;
            if let (Some(_), Some(reason)) = (&updated, reason) {
                end_all(connection, Principal::client(user_seq), now, reason)?;
            }
            Ok(updated)
        })
        .await
        .map_err(conflict)?;
    updated
        .map(Client::from)
        .ok_or(Error::AccountNotFound(Missing::Client))
}

/// What the row becomes: each text as typed and as compared.
#[expect(
    clippy::option_option,
    reason = "left alone and emptied are two things"
)]
fn changed_row(
    changes: &ClientChanges,
    password_hash: Option<Option<String>>,
    updated_at: Timestamp,
) -> RowChanges {
    RowChanges {
        username: changes
            .username
            .as_ref()
            .map(|username| username.as_typed().to_owned()),
        username_normalized: changes
            .username
            .as_ref()
            .map(|username| username.normalised().to_owned()),
        name: changes.name.as_ref().map(|name| name.as_str().to_owned()),
        name_normalized: changes.name.as_ref().map(Name::normalised),
        email: changes
            .email
            .as_ref()
            .map(|email| email.as_ref().map(|email| email.as_typed().to_owned())),
        email_normalized: changes
            .email
            .as_ref()
            .map(|email| email.as_ref().map(|email| email.normalised().to_owned())),
        phone: changes
            .phone
            .as_ref()
            .map(|phone| phone.as_ref().map(|phone| phone.as_str().to_owned())),
        password_hash,
        is_active: changes.is_active,
        updated_at,
    }
}

/// Deletes a client and ends its sessions.
///
/// # Errors
/// [`Error::AccountNotFound`], and the store's.
pub async fn delete(services: &Services, user_seq: UserSeq) -> Result<(), Error> {
    let now = services.clock.now();
    services
        .store
        .write(move |connection| {
            if !table::delete(connection, user_seq)? {
                return Err(Error::AccountNotFound(Missing::Client));
            }
            end_all(
                connection,
                Principal::client(user_seq),
                now,
                RevocationReason::Deleted,
            )?;
            Ok(())
        })
        .await
}

fn conflict(error: StoreError) -> Error {
    match error {
        StoreError::Conflict { column } if column == "username_normalized" => {
            Error::AlreadyExists { field: "username" }
        }
        error => Error::Store(error),
    }
}
