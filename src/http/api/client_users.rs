//! `/api/clients`: external clients.

use actix_web::{HttpRequest, web};

use crate::domain::paging::{Order, parse_ordering};
use crate::domain::principal::{Principal, UserType};
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
    PASSWORD, PHONE, USERNAME,
};
use crate::http::api::path;
use crate::http::api::query::Query;
use crate::http::device_token::PresentedDevice;
use crate::services::Services;
use crate::services::accounts::client_users::{self, Client, ClientChanges, NewClient};
use crate::services::accounts::invitations::{self, Invited};
use crate::services::accounts::{client_user_changes, lifecycle, step_up};
use crate::store::account_list::NumberedColumn;

/// The columns that a list can be ordered by.
const COLUMNS: [(&str, NumberedColumn); 8] = [
    ("user_seq", NumberedColumn::UserSeq),
    ("username", NumberedColumn::Username),
    ("name", NumberedColumn::Name),
    ("email", NumberedColumn::Email),
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

/// Those of callers who do not see the e-mail addresses.
const VISIBLE_NAMES: [&str; COLUMNS.len() - 1] = visible_names(&COLUMNS, UserType::Client);

/// A client as a caller sees it: without e-mail address, telephone number and claims if the caller may not see them.
fn seen_by(caller: &Internal, client: Client) -> Client {
    if caller.sees_contacts() {
        return client;
    }
    Client {
        email: None,
        email_verified: None,
        phone: None,
        claims: None,
        ..client
    }
}

fn ordering(text: &str) -> Result<Vec<Order<NumberedColumn>>, Problem> {
    parse_ordering(text, &COLUMNS, &COLUMN_NAMES)
}

/// `GET /api/clients`: a page of clients. Callers without `api = "read"` see no e-mail addresses and telephone numbers, and search names only.
///
/// **Permissions**: `api = "list"`. `200` `CLIENT_LIST`; `400`, `401`, `403`, `503`.
pub(super) async fn list(
    services: web::Data<Services>,
    caller: Internal,
    mut query: Query,
) -> Result<Answer<Vec<Client>>, ApiError> {
    let user_type = UserType::Client;
    let filter = account_filter(&mut query, &caller, user_type, &ORDERING, &VISIBLE_NAMES);
    let page = query.page();
    query.finish()?;
    let clients = client_users::list(&services.store, filter, page).await?;
    Ok(Answer::page(
        "CLIENT_LIST",
        clients.map(|client| seen_by(&caller, client)),
    ))
}

/// `POST /api/clients`: creates a client. Without a password it can log in by one-time code only; with an invitation its owner
/// sets one.
///
/// **Permissions**: `api = "write"`. `201` `CLIENT_CREATED`; `400`, `401`, `403`, `409` `ALREADY_EXISTS`, `503`.
pub(super) async fn create(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<Client>, ApiError> {
    let is_invited = fields.boolean(&INVITE) == Some(true);
    let new = new_client(fields)?;
    if is_invited {
        let invited = Invited {
            has_email: new.email.is_some(),
            has_password: new.password.is_some(),
            is_active: new.is_active,
        };
        invitations::check(&services, invited)?;
    }
    let actor = actor(&caller.0, &request);
    let client = client_user_changes::create(&services, &actor, new).await?;
    if is_invited {
        let owner = Principal::client(client.user_seq);
        invitations::send(&services, &actor, owner, |secret| {
            paths::password_link(secret)
        })
        .await?;
    }
    Ok(Answer::created("CLIENT_CREATED", client))
}

pub(super) fn new_client(mut fields: Fields) -> Result<NewClient, ApiError> {
    let username = fields.required(&USERNAME);
    let external_id = fields.clearable(&EXTERNAL_ID).flatten();
    let name = fields.optional(&NAME);
    let email = fields.clearable(&EMAIL).flatten();
    let email_verified = fields.boolean(&EMAIL_VERIFIED);
    let phone = fields.clearable(&PHONE).flatten();
    let password = fields.optional(&PASSWORD);
    let is_active = fields.boolean(&IS_ACTIVE);
    let claims = fields.object(&CLAIMS).flatten();
    let username = fields.complete(username)?;
    Ok(NewClient {
        username,
        external_id,
        name,
        email,
        email_verified: email_verified.unwrap_or(true),
        phone,
        password,
        is_active: is_active.unwrap_or(true),
        claims,
    })
}

/// `GET /api/clients/{user_seq}`: one client. Callers without `api = "read"` see no e-mail address and telephone number.
///
/// **Permissions**: `api = "list"`. `200` `CLIENT`; `401`, `403`, `404` `CLIENT_NOT_FOUND`, `503`.
pub(super) async fn show(
    services: web::Data<Services>,
    caller: Internal,
    request: HttpRequest,
) -> Result<Answer<Client>, ApiError> {
    let user_seq = path::user_seq(&request, UserType::Client)?;
    let client = client_users::find(&services, user_seq).await?;
    Ok(Answer::ok("CLIENT", seen_by(&caller, client)))
}

/// `PATCH /api/clients/{user_seq}`: changes the fields that are sent; `null` removes `external_id`, `email`,
/// `phone`, `password` and `claims`.
///
/// **Permissions**: `api = "write"`. `200` `CLIENT_UPDATED`; `400`, `401`, `403` (also `CURRENT_PASSWORD_REQUIRED`, for a new
/// password, e-mail address or telephone number), `404`, `409`, `429` (too many wrong passwords), `503`.
pub(super) async fn update(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
    device: PresentedDevice,
    mut fields: Fields,
) -> Result<Answer<Client>, ApiError> {
    let user_seq = path::user_seq(&request, UserType::Client)?;
    fields.require_any();
    let changes = changes(&mut fields);
    let current = fields.optional(&CURRENT_PASSWORD);
    fields.finish()?;
    let by = requester(&caller, &request, device, current);
    let client = step_up::update_client(&services, &by, user_seq, changes)
        .await
        .map_err(|error| renamed(error, &[("current", CURRENT_PASSWORD.name)]))?;
    Ok(Answer::ok("CLIENT_UPDATED", client))
}

/// The changes of a body.
pub(super) fn changes(fields: &mut Fields) -> ClientChanges {
    ClientChanges {
        username: fields.optional(&USERNAME),
        external_id: fields.clearable(&EXTERNAL_ID),
        name: fields.optional(&NAME),
        email: fields.clearable(&EMAIL),
        email_verified: fields.boolean(&EMAIL_VERIFIED),
        phone: fields.clearable(&PHONE),
        password: fields.nullable(&PASSWORD),
        is_active: fields.boolean(&IS_ACTIVE),
        claims: fields.object(&CLAIMS),
    }
}

/// `DELETE /api/clients/{user_seq}`: deletes a client and ends its sessions.
///
/// **Permissions**: `api = "write"`. `200` `CLIENT_DELETED`; `401`, `403`, `404`, `503`.
pub(super) async fn delete(
    services: web::Data<Services>,
    caller: Administrator,
    request: HttpRequest,
) -> Result<Answer<()>, ApiError> {
    let account = Principal::client(path::user_seq(&request, UserType::Client)?);
    lifecycle::delete(&services, &actor(&caller.0, &request), account).await?;
    Ok(Answer::done("CLIENT_DELETED"))
}
