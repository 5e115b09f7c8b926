//! `/api/clients`: external clients.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Name, Phone, Username},
        paging::parse_ordering,
        principal::{Principal, UserSeq},
    },
    http::api::{
        answer::Answer,
        auth::user_seq_in,
        body::{Fields, password},
        callers::{Administrator, Internal},
        errors::ApiError,
        query::Query,
    },
    services::{
        Error, Missing, Services,
        accounts::client_users::{Client, ClientChanges, NewClient},
    },
    store::client_users::{ClientColumn, ClientFilter},
};

/// An external client as a list or a page shows it.
#[derive(Serialize)]
pub(super) struct ClientView {
    user_seq: UserSeq,
    username: String,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    is_active: bool,
    last_login_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Client> for ClientView {
    fn from(client: Client) -> Self {
        Self {
            user_seq: client.user_seq,
            username: client.username,
            name: client.name,
            email: client.email,
            phone: client.phone,
            is_active: client.is_active,
            last_login_at: client.last_login_at,
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }
}

const FIELDS: &[&str] = &[
    "username",
    "name",
    "email",
    "phone",
    "password",
    "is_active",
];

const ORDERINGS: &[&str] = &[
    "user_seq",
    "username",
    "name",
    "email",
    "is_active",
    "last_login_at",
    "created_at",
    "updated_at",
];

const COLUMNS: &[(&str, ClientColumn)] = &[
    ("user_seq", ClientColumn::UserSeq),
    ("username", ClientColumn::Username),
    ("name", ClientColumn::Name),
    ("email", ClientColumn::Email),
    ("is_active", ClientColumn::IsActive),
    ("last_login_at", ClientColumn::LastLoginAt),
    ("created_at", ClientColumn::CreatedAt),
    ("updated_at", ClientColumn::UpdatedAt),
];

/// `GET /api/clients?page=&page_size=&search=&is_active=&ordering=`: a page of clients.
///
/// **Permissions**: internal. `200` `CLIENT_LIST`; `400`, `401`, `403`, `503`.
pub(super) async fn list(
    services: web::Data<Services>,
    _caller: Internal,
    mut query: Query,
) -> Result<Answer<Vec<ClientView>>, ApiError> {
    let filter = ClientFilter {
        search: query.search(),
        is_active: query.boolean("is_active"),
        order: query
            .optional("ordering", |text| parse_ordering(text, COLUMNS, ORDERINGS))
            .unwrap_or_default(),
    };
    let page = query.page();
    query.finish()?;
    Ok(Answer::page(
        "CLIENT_LIST",
        crate::services::accounts::client_users::list(&services.store, filter, page).await?,
    ))
}

/// `POST /api/clients`: makes a client. Without a password it logs in by one-time code only.
///
/// **Permissions**: `admin`. `201` `CLIENT_CREATED`; `400`, `401`, `403`, `409` `ALREADY_EXISTS`, `503`.
pub(super) async fn create(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<ClientView>, ApiError> {
    fields.refuse_unknown(FIELDS);
    let username = fields.required("username", Username::parse);
    let name = fields.optional("name", Name::parse);
    let email = fields.clearable("email", Email::parse).flatten();
    let phone = fields.clearable("phone", Phone::parse).flatten();
    let password = fields.optional("password", password);
    let is_active = fields.boolean("is_active");
    let username = fields.complete(username)?;
    let new = NewClient {
        username,
        name,
        email,
        phone,
        password,
        is_active: is_active.unwrap_or(true),
    };
    Ok(Answer::created(
        "CLIENT_CREATED",
        crate::services::accounts::client_user_changes::create(
            &services,
            &caller.actor(&request),
            new,
        )
        .await?
        .into(),
    ))
}

/// `GET /api/clients/{user_seq}`: one client.
///
/// **Permissions**: internal. `200` `CLIENT`; `401`, `403`, `404` `CLIENT_NOT_FOUND`, `503`.
pub(super) async fn show(
    services: web::Data<Services>,
    _caller: Internal,
    request: HttpRequest,
) -> Result<Answer<ClientView>, ApiError> {
    let user_seq = named(&request)?;
    Ok(Answer::ok(
        "CLIENT",
        crate::services::accounts::client_users::find(&services, user_seq)
            .await?
            .into(),
    ))
}

/// `PATCH /api/clients/{user_seq}`: changes the fields that are sent; `null` empties `email`, `phone` and `password`.
///
/// **Permissions**: `admin`. `200` `CLIENT_UPDATED`; `400`, `401`, `403`, `404`, `409`, `503`.
pub(super) async fn update(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<ClientView>, ApiError> {
    let user_seq = named(&request)?;
    fields.refuse_unknown(FIELDS);
    fields.require_any(FIELDS);
    let changes = ClientChanges {
        username: fields.optional("username", Username::parse),
        name: fields.optional("name", Name::parse),
        email: fields.clearable("email", Email::parse),
        phone: fields.clearable("phone", Phone::parse),
        password: fields.nullable("password", password),
        is_active: fields.boolean("is_active"),
    };
    fields.finish()?;
    let client = crate::services::accounts::client_user_changes::update(
        &services,
        &caller.actor(&request),
        user_seq,
        changes,
    )
    .await?;
    Ok(Answer::ok("CLIENT_UPDATED", client.into()))
}

/// `DELETE /api/clients/{user_seq}`: deletes a client and ends its sessions.
///
/// **Permissions**: `admin`. `200` `CLIENT_DELETED`; `401`, `403`, `404`, `503`.
pub(super) async fn delete(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
) -> Result<Answer<()>, ApiError> {
    crate::services::accounts::lifecycle::delete(
        &services,
        &caller.actor(&request),
        Principal::client(named(&request)?),
    )
    .await?;
    Ok(Answer::done("CLIENT_DELETED"))
}

fn named(request: &HttpRequest) -> Result<UserSeq, Error> {
    user_seq_in(request).ok_or(Error::AccountNotFound(Missing::Client))
}
