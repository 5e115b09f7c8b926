//! `/api/users`: internal users.

use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::config::RolesConfig;
use crate::domain::account::Role;
use crate::domain::account_claims::AccountClaims;
use crate::domain::paging::{Order, parse_ordering};
use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::problem::Problem;
use crate::http::admin::paths;
use crate::http::api::account_filter::{account_filter, visible_names};
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::{Administrator, Internal, actor, requester};
use crate::http::api::errors::{ApiError, renamed};
use crate::http::api::input::{Kind, inputs, names};
use crate::http::api::inputs::{
    CLAIMS, CURRENT_PASSWORD, EMAIL, EMAIL_VERIFIED, EXTERNAL_ID, INVITE, IS_ACTIVE, NAME,
    PASSWORD, ROLE, USERNAME,
};
use crate::http::api::path;
use crate::http::api::query::Query;
use crate::http::device_token::PresentedDevice;
use crate::services::accounts::invitations::{self, Invited};
use crate::services::accounts::users::{self, NewUser, User, UserChanges};
use crate::services::accounts::{lifecycle, step_up};
use crate::services::{Error, Services};
use crate::store::account_list::{NumberedColumn, NumberedFilter};

/// The columns that a list can be ordered by.
const COLUMNS: [(&str, NumberedColumn); 9] = [
    ("user_seq", NumberedColumn::UserSeq),
    ("email", NumberedColumn::Email),
    ("username", NumberedColumn::Username),
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

/// Those of callers who do not see what users log in by.
const VISIBLE_NAMES: [&str; COLUMNS.len() - 2] = visible_names(&COLUMNS, UserType::User);

/// A user as a caller sees it: e-mail address, username, external id and claims are `null` if the caller may not see them.
#[derive(Serialize, JsonSchema)]
pub(super) struct UserView {
    /// The number within this population.
    user_seq: UserSeq,
    /// The e-mail address as typed; `null` without one, and if the caller may not see it.
    #[schemars(example = &"minji@example.org")]
    email: Option<String>,
    /// Whether the e-mail address is verified; `null` without one, and if the caller may not see it.
    email_verified: Option<bool>,
    /// The username as typed; `null` without one, and if the caller may not see it.
    #[schemars(example = &"minji")]
    username: Option<String>,
    /// The id in another system; `null` without one, and if the caller may not see it.
    #[schemars(example = &"8d0c6d5e-4a1f-4c0f-9a53-8f2b7a7b9c11")]
    external_id: Option<String>,
    /// The name.
    #[schemars(example = &"Kim Minji")]
    name: String,
    /// The role.
    role: Role,
    /// Whether the account may log in.
    is_active: bool,
    /// Claims of its own in access tokens; `null` without any, and if the caller may not see them.
    claims: Option<AccountClaims>,
    /// The last login.
    last_login_at: Option<Timestamp>,
    /// When the account was created.
    created_at: Timestamp,
    /// When the account was last changed.
    updated_at: Timestamp,
}

impl UserView {
    fn new(caller: &Internal, user: User) -> Self {
        let is_visible = caller.sees_contacts_of(Principal::user(user.user_seq));
        Self {
            user_seq: user.user_seq,
            email: user.email.filter(|_| is_visible),
            email_verified: user.email_verified.filter(|_| is_visible),
            username: user.username.filter(|_| is_visible),
            external_id: user.external_id.filter(|_| is_visible),
            name: user.name,
            role: user.role,
            is_active: user.is_active,
            claims: user.claims.filter(|_| is_visible),
            last_login_at: user.last_login_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

fn ordering(text: &str) -> Result<Vec<Order<NumberedColumn>>, Problem> {
    parse_ordering(text, &COLUMNS, &COLUMN_NAMES)
}

/// `GET /api/users`: a page of users. Callers without `api = "read"` see of no other user what the user logs in by, and search names only.
///
/// **Permissions**: `api = "list"`. `200` `USER_LIST`; `400`, `401`, `403`, `503`.
pub(super) async fn list(
    services: web::Data<Services>,
    caller: Internal,
    mut query: Query,
) -> Result<Answer<Vec<UserView>>, ApiError> {
    let filter = NumberedFilter {
        role: query.get(&ROLE),
        ..account_filter(
            &mut query,
            &caller,
            UserType::User,
            &ORDERING,
            &VISIBLE_NAMES,
        )
    };
    query.check_roles(&ROLE, &services.roles, &filter.role);
    let page = query.page();
    query.finish()?;
    let users = users::list(&services.store, filter, page).await?;
    Ok(Answer::page(
        "USER_LIST",
        users.map(|user| UserView::new(&caller, user)),
    ))
}

/// `POST /api/users`: creates a user, with a password or with an invitation.
///
/// **Permissions**: `api = "write"`. `201` `USER_CREATED`; `400`, `401`, `403` (also `CURRENT_PASSWORD_REQUIRED`, for a new
/// administrator), `409` `ALREADY_EXISTS`, `429` (too many wrong passwords), `503`.
pub(super) async fn create(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    device: PresentedDevice,
    mut fields: Fields,
) -> Result<Answer<User>, ApiError> {
    let current = fields.optional(&CURRENT_PASSWORD);
    let is_invited = fields.boolean(&INVITE) == Some(true);
    let new = new_user(fields, &services.roles, is_invited)?;
    if is_invited {
        let invited = Invited {
            has_email: new.email.is_some(),
            has_password: new.password.is_some(),
            is_active: new.is_active,
        };
        invitations::check(&services, invited)?;
    }
    let by = requester(&caller, &request, device, current);
    let user = step_up::create_user(&services, &by, new)
        .await
        .map_err(|error| renamed(error, &[("current", CURRENT_PASSWORD.name)]))?;
    if is_invited {
        let (actor, owner) = (&by.login_context.actor, Principal::user(user.user_seq));
        invitations::send(&services, actor, owner, |secret| {
            paths::password_link(secret)
        })
        .await?;
    }
    Ok(Answer::created("USER_CREATED", user))
}

pub(super) fn new_user(
    mut fields: Fields,
    roles: &RolesConfig,
    is_invited: bool,
) -> Result<NewUser, ApiError> {
    if !is_invited && !fields.has(&PASSWORD) {
        fields.problem(PASSWORD.name, Problem::Required);
    }
    if !fields.has(&EMAIL) && !fields.has(&USERNAME) {
        fields.problem(EMAIL.name, Problem::NoLogin);
    }
    let email = fields.has(&EMAIL).then(|| fields.required(&EMAIL));
    let email_verified = fields.boolean(&EMAIL_VERIFIED);
    let username = fields.has(&USERNAME).then(|| fields.required(&USERNAME));
    let external_id = fields.clearable(&EXTERNAL_ID).flatten();
    let name = fields.required(&NAME);
    let role = fields.optional_as(&ROLE, |name| roles.parse(name));
    let password = fields.optional(&PASSWORD);
    let is_active = fields.boolean(&IS_ACTIVE);
    let claims = fields.object(&CLAIMS).flatten();
    let name = fields.complete(name)?;
    Ok(NewUser {
        email: email.flatten(),
        email_verified: email_verified.unwrap_or(true),
        username: username.flatten(),
        external_id,
        name,
        role: role.unwrap_or_else(|| roles.default_role()),
        password,
        is_active: is_active.unwrap_or(true),
        claims,
    })
}

/// `GET /api/users/{user_seq}`: one user. Callers without `api = "read"` see of no other user what the user logs in by.
///
/// **Permissions**: `api = "list"`. `200` `USER`; `401`, `403`, `404` `USER_NOT_FOUND`, `503`.
pub(super) async fn show(
    services: web::Data<Services>,
    caller: Internal,
    request: HttpRequest,
) -> Result<Answer<UserView>, ApiError> {
    let user_seq = path::user_seq(&request, UserType::User)?;
    let user = users::find(&services, user_seq).await?;
    Ok(Answer::ok("USER", UserView::new(&caller, user)))
}

/// `PATCH /api/users/{user_seq}`: changes the fields that are sent; `null` removes `email` or `username` if the other is
/// there, `external_id` and `claims`.
///
/// **Permissions**: `api = "write"`. `200` `USER_UPDATED`; `400`, `401`, `403` (also `CURRENT_PASSWORD_REQUIRED`), `404`, `409`,
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
    let kept = kept_role(&services, &mut fields, user_seq).await?;
    let changes = changes(&mut fields, &services.roles, kept.as_ref());
    let current = fields.optional(&CURRENT_PASSWORD);
    fields.finish()?;
    let by = requester(&caller, &request, device, current);
    let user = step_up::update_user(&services, &by, user_seq, changes)
        .await
        .map_err(|error| renamed(error, &[("current", CURRENT_PASSWORD.name)]))?;
    Ok(Answer::ok("USER_UPDATED", user))
}

/// The changes of a body. `kept` is the role that the user has.
pub(super) fn changes(
    fields: &mut Fields,
    roles: &RolesConfig,
    kept: Option<&Role>,
) -> UserChanges {
    UserChanges {
        email: fields.clearable(&EMAIL),
        email_verified: fields.boolean(&EMAIL_VERIFIED),
        username: fields.clearable(&USERNAME),
        external_id: fields.clearable(&EXTERNAL_ID),
        name: fields.optional(&NAME),
        role: fields.optional_as(&ROLE, |name| match Role::parse(name)? {
            role if kept == Some(&role) => Ok(role),
            role => roles.check_role(&role).map(|()| role),
        }),
        password: fields.optional(&PASSWORD),
        is_active: fields.boolean(&IS_ACTIVE),
        claims: fields.object(&CLAIMS),
    }
}

/// The role that a user has, if the body has one: a user may keep a role that is not configured any more.
pub(super) async fn kept_role(
    services: &Services,
    fields: &mut Fields,
    user_seq: UserSeq,
) -> Result<Option<Role>, ApiError> {
    if !fields.has(&ROLE) {
        return Ok(None);
    }
    match users::find(services, user_seq).await {
        Ok(user) => Ok(Some(user.role)),
        // Found again, after the fields.
        Err(Error::AccountNotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /api/users/{user_seq}`: deletes a user and ends the user's sessions.
///
/// **Permissions**: `api = "write"`. `200` `USER_DELETED`; `401`, `403`, `404`, `503`.
pub(super) async fn delete(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
) -> Result<Answer<()>, ApiError> {
    let account = Principal::user(path::user_seq(&request, UserType::User)?);
    lifecycle::delete(&services, &actor(&caller.0, &request), account).await?;
    Ok(Answer::done("USER_DELETED"))
}
