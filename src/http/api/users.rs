//! `/api/users`: internal users.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use crate::{
    clock::Timestamp,
    domain::{
        account::{Email, Name, Role},
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
        accounts::users::{NewUser, User, UserChanges},
    },
    store::users::{UserColumn, UserFilter},
};

/// An internal user as a list or a page shows him.
#[derive(Serialize)]
pub(super) struct UserView {
    user_seq: UserSeq,
    email: String,
    name: String,
    role: Role,
    is_active: bool,
    last_login_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            user_seq: user.user_seq,
            email: user.email,
            name: user.name,
            role: user.role,
            is_active: user.is_active,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

const FIELDS: &[&str] = &["email", "name", "role", "password", "is_active"];

const ORDERINGS: &[&str] = &[
    "user_seq",
    "email",
    "name",
    "role",
    "is_active",
    "last_login_at",
    "created_at",
    "updated_at",
];

const COLUMNS: &[(&str, UserColumn)] = &[
    ("user_seq", UserColumn::UserSeq),
    ("email", UserColumn::Email),
    ("name", UserColumn::Name),
    ("role", UserColumn::Role),
    ("is_active", UserColumn::IsActive),
    ("last_login_at", UserColumn::LastLoginAt),
    ("created_at", UserColumn::CreatedAt),
    ("updated_at", UserColumn::UpdatedAt),
];

/// `GET /api/users?page=&page_size=&search=&role=&is_active=&ordering=`: a page of users.
///
/// **Permissions**: internal. `200` `USER_LIST`; `400`, `401`, `403`, `503`.
pub(super) async fn list(
    services: web::Data<Services>,
    _caller: Internal,
    mut query: Query,
) -> Result<Answer<Vec<UserView>>, ApiError> {
    let filter = UserFilter {
        search: query.search(),
        role: query.optional("role", Role::parse),
        is_active: query.boolean("is_active"),
        order: query
            .optional("ordering", |text| parse_ordering(text, COLUMNS, ORDERINGS))
            .unwrap_or_default(),
    };
    let page = query.page();
    query.finish()?;
    Ok(Answer::page(
        "USER_LIST",
        crate::services::accounts::users::list(&services.store, filter, page).await?,
    ))
}

/// `POST /api/users`: makes a user.
///
/// **Permissions**: `admin`. `201` `USER_CREATED`; `400`, `401`, `403`, `409` `ALREADY_EXISTS`, `503`.
pub(super) async fn create(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<UserView>, ApiError> {
    fields.refuse_unknown(FIELDS);
    let email = fields.required("email", Email::parse);
    let name = fields.required("name", Name::parse);
    let role = fields.optional("role", Role::parse);
    let password = fields.required("password", password);
    let is_active = fields.boolean("is_active");
    let ((email, name), password) = fields.complete(email.zip(name).zip(password))?;
    let new = NewUser {
        email,
        name,
        role: role.unwrap_or(Role::Staff),
        password: Some(password),
        is_active: is_active.unwrap_or(true),
    };
    Ok(Answer::created(
        "USER_CREATED",
        crate::services::accounts::user_changes::create(&services, &caller.actor(&request), new)
            .await?
            .into(),
    ))
}

/// `GET /api/users/{user_seq}`: one user.
///
/// **Permissions**: internal. `200` `USER`; `401`, `403`, `404` `USER_NOT_FOUND`, `503`.
pub(super) async fn show(
    services: web::Data<Services>,
    _caller: Internal,
    request: HttpRequest,
) -> Result<Answer<UserView>, ApiError> {
    let user_seq = named(&request)?;
    Ok(Answer::ok(
        "USER",
        crate::services::accounts::users::find(&services, user_seq)
            .await?
            .into(),
    ))
}

/// `PATCH /api/users/{user_seq}`: changes the fields that are sent.
///
/// **Permissions**: `admin`. `200` `USER_UPDATED`; `400`, `401`, `403`, `404`, `409`, `503`.
pub(super) async fn update(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<UserView>, ApiError> {
    let user_seq = named(&request)?;
    fields.refuse_unknown(FIELDS);
    fields.require_any(FIELDS);
    let changes = UserChanges {
        email: fields.optional("email", Email::parse),
        name: fields.optional("name", Name::parse),
        role: fields.optional("role", Role::parse),
        password: fields.optional("password", password),
        is_active: fields.boolean("is_active"),
    };
    fields.finish()?;
    let user = crate::services::accounts::user_changes::update(
        &services,
        &caller.actor(&request),
        user_seq,
        changes,
    )
    .await?;
    Ok(Answer::ok("USER_UPDATED", user.into()))
}

/// `DELETE /api/users/{user_seq}`: deletes a user and ends his sessions.
///
/// **Permissions**: `admin`. `200` `USER_DELETED`; `401`, `403`, `404`, `503`.
pub(super) async fn delete(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
) -> Result<Answer<()>, ApiError> {
    crate::services::accounts::lifecycle::delete(
        &services,
        &caller.actor(&request),
        Principal::user(named(&request)?),
    )
    .await?;
    Ok(Answer::done("USER_DELETED"))
}

fn named(request: &HttpRequest) -> Result<UserSeq, Error> {
    user_seq_in(request).ok_or(Error::AccountNotFound(Missing::User))
}
