//! `/api/users`: internal users.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::account::Role;
use crate::domain::paging::{Order, parse_ordering};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::problem::Problem;
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::{Administrator, Internal, actor, requester};
use crate::http::api::errors::{ApiError, renamed};
use crate::http::api::input::{Kind, inputs, names};
use crate::http::api::inputs::{CURRENT_PASSWORD, EMAIL, IS_ACTIVE, NAME, PASSWORD, ROLE, SEARCH};
use crate::http::api::path;
use crate::http::api::query::Query;
use crate::http::device_token::PresentedDevice;
use crate::services::Services;
use crate::services::accounts::users::{self, NewUser, User, UserChanges};
use crate::services::accounts::{lifecycle, step_up};
use crate::store::account_list::{NumberedColumn, NumberedFilter};

/// The columns that a list can be ordered by.
const COLUMNS: [(&str, NumberedColumn); 8] = [
    ("user_seq", NumberedColumn::UserSeq),
    ("email", NumberedColumn::Email),
    ("name", NumberedColumn::Name),
    ("role", NumberedColumn::Role),
    ("is_active", NumberedColumn::IsActive),
    ("last_login_at", NumberedColumn::LastLoginAt),
    ("created_at", NumberedColumn::CreatedAt),
    ("updated_at", NumberedColumn::UpdatedAt),
];

const COLUMN_NAMES: [&str; COLUMNS.len()] = names(&COLUMNS);

inputs! {
    /// The order of the list, such as `-created_at,name`.
    ORDERING: Vec<Order<NumberedColumn>> = "ordering", Kind::Ordering(&COLUMN_NAMES),
        ordering;
}

/// The same for callers who do not see the addresses: the order of a hidden column reveals its values.
const VISIBLE_NAMES: [&str; 7] = [
    "user_seq",
    "name",
    "role",
    "is_active",
    "last_login_at",
    "created_at",
    "updated_at",
];

/// A user as a caller sees it: the e-mail address is `null` if the caller may not see it.
#[derive(Serialize)]
pub(super) struct UserView {
    user_seq: UserSeq,
    email: Option<String>,
    name: String,
    role: Role,
    is_active: bool,
    last_login_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl UserView {
    fn new(caller: &Internal, user: User) -> Self {
        let is_visible = caller.sees_contacts_of(Principal::user(user.user_seq));
        Self {
            user_seq: user.user_seq,
            email: is_visible.then_some(user.email),
            name: user.name,
            role: user.role,
            is_active: user.is_active,
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

fn ordering(text: &str) -> Result<Vec<Order<NumberedColumn>>, Problem> {
    parse_ordering(text, &COLUMNS, &COLUMN_NAMES)
}

/// `GET /api/users`: a page of users. Staff see the e-mail address of no other user, and search names only.
///
/// **Permissions**: internal. `200` `USER_LIST`; `400`, `401`, `403`, `503`.
pub(super) async fn list(
    services: web::Data<Services>,
    caller: Internal,
    mut query: Query,
) -> Result<Answer<Vec<UserView>>, ApiError> {
    let filter = NumberedFilter {
        search: query.get(&SEARCH).flatten(),
        by_name_only: !caller.sees_contacts(),
        role: query.get(&ROLE),
        is_active: query.get(&IS_ACTIVE),
        order: query.get(&ORDERING).unwrap_or_default(),
    };
    let is_email = |order: &Order<NumberedColumn>| order.column == NumberedColumn::Email;
    if !caller.sees_contacts() && filter.order.iter().any(is_email) {
        query.problem(&ORDERING, Problem::NotOneOf(&VISIBLE_NAMES));
    }
    let page = query.page();
    query.finish()?;
    let users = users::list(&services.store, filter, page).await?;
    Ok(Answer::page(
        "USER_LIST",
        users.map(|user| UserView::new(&caller, user)),
    ))
}

/// `POST /api/users`: creates a user.
///
/// **Permissions**: `admin`. `201` `USER_CREATED`; `400`, `401`, `403` (also `CURRENT_PASSWORD_REQUIRED`, for a new
/// administrator), `409` `ALREADY_EXISTS`, `429` (too many wrong passwords), `503`.
pub(super) async fn create(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    device: PresentedDevice,
    mut fields: Fields,
) -> Result<Answer<User>, ApiError> {
    let current = fields.optional(&CURRENT_PASSWORD);
    let new = new_user(fields)?;
    let by = requester(&caller, &request, device, current);
    let user = step_up::create_user(&services, &by, new)
        .await
        .map_err(|error| renamed(error, &[("current", CURRENT_PASSWORD.name)]))?;
    Ok(Answer::created("USER_CREATED", user))
}

fn new_user(mut fields: Fields) -> Result<NewUser, ApiError> {
    let email = fields.required(&EMAIL);
    let name = fields.required(&NAME);
    let role = fields.optional(&ROLE);
    let password = fields.required(&PASSWORD);
    let is_active = fields.boolean(&IS_ACTIVE);
    let ((email, name), password) = fields.complete(email.zip(name).zip(password))?;
    Ok(NewUser {
        email,
        name,
        role: role.unwrap_or(Role::Staff),
        password: Some(password),
        is_active: is_active.unwrap_or(true),
    })
}

/// `GET /api/users/{user_seq}`: one user. Staff see the e-mail address of no other user.
///
/// **Permissions**: internal. `200` `USER`; `401`, `403`, `404` `USER_NOT_FOUND`, `503`.
pub(super) async fn show(
    services: web::Data<Services>,
    caller: Internal,
    request: HttpRequest,
) -> Result<Answer<UserView>, ApiError> {
    let user_seq = path::user_seq(&request, UserType::User)?;
    let user = users::find(&services, user_seq).await?;
    Ok(Answer::ok("USER", UserView::new(&caller, user)))
}

/// `PATCH /api/users/{user_seq}`: changes the fields that are sent.
///
/// **Permissions**: `admin`. `200` `USER_UPDATED`; `400`, `401`, `403` (also `CURRENT_PASSWORD_REQUIRED`), `404`, `409`,
/// `429` (too many wrong passwords), `503`.
pub(super) async fn update(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    device: PresentedDevice,
    mut fields: Fields,
) -> Result<Answer<User>, ApiError> {
    let user_seq = path::user_seq(&request, UserType::User)?;
    fields.require_any();
    let changes = UserChanges {
        email: fields.optional(&EMAIL),
        name: fields.optional(&NAME),
        role: fields.optional(&ROLE),
        password: fields.optional(&PASSWORD),
        is_active: fields.boolean(&IS_ACTIVE),
    };
    let current = fields.optional(&CURRENT_PASSWORD);
    fields.finish()?;
    let by = requester(&caller, &request, device, current);
    let user = step_up::update_user(&services, &by, user_seq, changes)
        .await
        .map_err(|error| renamed(error, &[("current", CURRENT_PASSWORD.name)]))?;
    Ok(Answer::ok("USER_UPDATED", user))
}

/// `DELETE /api/users/{user_seq}`: deletes a user and ends the user's sessions.
///
/// **Permissions**: `admin`. `200` `USER_DELETED`; `401`, `403`, `404`, `503`.
pub(super) async fn delete(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
) -> Result<Answer<()>, ApiError> {
    let account = Principal::user(path::user_seq(&request, UserType::User)?);
    lifecycle::delete(&services, &actor(&caller.0, &request), account).await?;
    Ok(Answer::done("USER_DELETED"))
}
