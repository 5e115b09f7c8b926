//! External clients: types, listing and finding.

use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::account::{Email, ExternalId, Name, Phone, Username};
use crate::domain::account_claims::AccountClaims;
use crate::domain::paging::{Page, Paged};
use crate::domain::password::Password;
use crate::domain::principal::{UserSeq, UserType};
use crate::services::bootstrap::Services;
use crate::services::error::Error;
use crate::store::account_list::NumberedFilter;
use crate::store::client_users::ClientRow;
use crate::store::{Store, account_pages, client_users as table};

/// An external client, as the interfaces show it: without the password hash.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Client {
    /// The number within this population.
    pub user_seq: UserSeq,
    /// The username as typed.
    #[schemars(example = &"acme")]
    pub username: String,
    /// The id in another system.
    #[schemars(example = &"8d0c6d5e-4a1f-4c0f-9a53-8f2b7a7b9c11")]
    pub external_id: Option<String>,
    /// The name.
    #[schemars(example = &"Acme Ltd.")]
    pub name: String,
    /// The e-mail address for one-time codes; `null` also if the caller may not see it.
    #[schemars(example = &"it@acme.example")]
    pub email: Option<String>,
    /// Whether the e-mail address is verified, so that links and codes are sent to it; `null` without one, and if the caller may not see it.
    pub email_verified: Option<bool>,
    /// The telephone number for one-time codes; `null` also if the caller may not see it.
    #[schemars(example = &"+82 2-1234-5678")]
    pub phone: Option<String>,
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
}

impl From<ClientRow> for Client {
    fn from(row: ClientRow) -> Self {
        let email_verified = row.account().email_verified();
        Self {
            user_seq: row.id,
            username: row.username,
            external_id: row.external_id,
            name: row.name,
            email_verified,
            email: row.email,
            phone: row.phone,
            is_active: row.is_active,
            claims: row.claims,
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A client to be created.
pub struct NewClient {
    /// The username.
    pub username: Username,
    /// The id in another system.
    pub external_id: Option<ExternalId>,
    /// The name; the username by default.
    pub name: Option<Name>,
    /// The e-mail address for one-time codes.
    pub email: Option<Email>,
    /// Whether the e-mail address counts as verified.
    pub email_verified: bool,
    /// The telephone number for one-time codes.
    pub phone: Option<Phone>,
    /// The first password; without one the client can log in by one-time code only.
    pub password: Option<Password>,
    /// Whether the account may log in.
    pub is_active: bool,
    /// The claims of its own.
    pub claims: Option<AccountClaims>,
}

/// Changes of a client; `None` leaves a field unchanged, an inner `None` clears it.
#[derive(Default)]
pub struct ClientChanges {
    /// The username.
    pub username: Option<Username>,
    /// The id in another system.
    pub external_id: Option<Option<ExternalId>>,
    /// The name.
    pub name: Option<Name>,
    /// The e-mail address for one-time codes.
    pub email: Option<Option<Email>>,
    /// Whether the e-mail address counts as verified; a new one does if this is `None`.
    pub email_verified: Option<bool>,
    /// The telephone number for one-time codes.
    pub phone: Option<Option<Phone>>,
    /// A new password; an inner `None` removes it.
    pub password: Option<Option<Password>>,
    /// Whether the account may log in.
    pub is_active: Option<bool>,
    /// The claims of its own.
    pub claims: Option<Option<AccountClaims>>,
}

/// A page of the clients that pass a filter.
///
/// # Errors
/// Errors of the store.
pub async fn list(
    store: &Store,
    filter: NumberedFilter,
    page: Page,
) -> Result<Paged<Client>, Error> {
    store
        .read_list(move |connection| {
            let (rows, total): (Vec<ClientRow>, i64) =
                account_pages::numbered_page(connection, UserType::Client, &filter, page)?;
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
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn find(services: &Services, user_seq: UserSeq) -> Result<Client, Error> {
    let row = services
        .store
        .read(move |connection| table::find_by_id(connection, user_seq))
        .await?;
    row.map(Client::from)
        .ok_or(Error::AccountNotFound(UserType::Client))
}

/// The client of this username.
///
/// # Errors
/// [`Error::AccountNotFound`], and errors of the store.
pub async fn find_by_username(services: &Services, username: &Username) -> Result<Client, Error> {
    let normalised = username.normalised().to_owned();
    let row = services
        .store
        .read(move |connection| table::find_by_username(connection, &normalised))
        .await?;
    row.map(Client::from)
        .ok_or(Error::AccountNotFound(UserType::Client))
}
