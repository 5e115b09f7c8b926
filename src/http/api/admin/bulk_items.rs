//! The entries of a bulk request: an entry with `user_seq` changes that account, one without creates an account. The fields are
//! those of the endpoints for one account, except the caller's own password, which a service does not have.

use serde_json::{Map, Value};

use crate::domain::principal::{Principal, UserSeq, UserType};
use crate::domain::problem::{Problem, Problems};
use crate::http::admin::paths;
use crate::http::api::body::{Fields, Object};
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Field, Kind, inputs};
use crate::http::api::inputs::{
    CLAIMS, EMAIL, EMAIL_VERIFIED, EXTERNAL_ID, INVITE, IS_ACTIVE, NAME, PASSWORD, PHONE, ROLE,
    USERNAME,
};
use crate::http::api::{client_users, users};
use crate::services::accounts::by_service::{self, ByService};
use crate::services::accounts::client_user_changes;
use crate::services::accounts::invitations::{self, Invited};
use crate::services::{Error, Services};

/// The most entries of a request.
pub(in crate::http) const MAX_ITEMS: usize = 1_000;
/// The most entries with a password: each takes a thread for a quarter of a second.
const MAX_PASSWORDS: usize = 50;
/// The most entries with an invitation: half of the queue of mails.
const MAX_INVITATIONS: usize = 500;

inputs! {
    /// The users to create and to change, at most 1,000.
    USERS: Vec<Object> = "items", Kind::Items(UserType::User), items;
    /// The clients to create and to change, at most 1,000.
    CLIENTS: Vec<Object> = "items", Kind::Items(UserType::Client), items;
}

/// The name of the field with the number of an account to change.
pub(in crate::http) const NUMBER: &str = "user_seq";

const NEW_USER: &[Field] = &[
    EMAIL.alternative(),
    EMAIL_VERIFIED.optional(),
    USERNAME.alternative(),
    EXTERNAL_ID.nullable(),
    NAME.required(),
    ROLE.optional(),
    PASSWORD.optional(),
    INVITE.optional(),
    IS_ACTIVE.optional(),
    CLAIMS.nullable(),
];
const CHANGED_USER: &[Field] = &[
    EMAIL.nullable(),
    EMAIL_VERIFIED.optional(),
    USERNAME.nullable(),
    EXTERNAL_ID.nullable(),
    NAME.optional(),
    ROLE.optional(),
    PASSWORD.optional(),
    IS_ACTIVE.optional(),
    CLAIMS.nullable(),
];
const NEW_CLIENT: &[Field] = &[
    USERNAME.required(),
    EXTERNAL_ID.nullable(),
    NAME.optional(),
    EMAIL.nullable(),
    EMAIL_VERIFIED.optional(),
    PHONE.nullable(),
    PASSWORD.optional(),
    INVITE.optional(),
    IS_ACTIVE.optional(),
    CLAIMS.nullable(),
];
const CHANGED_CLIENT: &[Field] = &[
    USERNAME.optional(),
    EXTERNAL_ID.nullable(),
    NAME.optional(),
    EMAIL.nullable(),
    EMAIL_VERIFIED.optional(),
    PHONE.nullable(),
    PASSWORD.nullable(),
    IS_ACTIVE.optional(),
    CLAIMS.nullable(),
];

/// The fields of an entry besides [`NUMBER`], for the documentation.
pub(in crate::http) fn fields(user_type: UserType) -> impl Iterator<Item = Field> {
    let changed = match user_type {
        UserType::User => CHANGED_USER,
        UserType::Client => CHANGED_CLIENT,
    };
    changed.iter().copied().chain([INVITE.optional()])
}

/// Reads the entries from text.
fn items(text: &str) -> Result<Vec<Object>, Problem> {
    let not_items = Problem::NotItems { max: MAX_ITEMS };
    let items: Vec<Object> = serde_json::from_str(text).map_err(|_| not_items.clone())?;
    check_numbers(&items)?;
    Ok(items)
}

/// Refuses too many entries, passwords and invitations.
fn check_numbers(items: &[Object]) -> Result<(), Problem> {
    let having = |has: fn(&Object) -> bool| items.iter().filter(|item| has(item)).count();
    let passwords = having(|item| {
        item.get(PASSWORD.name)
            .is_some_and(|value| !value.is_null())
    });
    let invitations = having(|item| item.get(INVITE.name) == Some(&Value::Bool(true)));
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        Err(Problem::NotItems { max: MAX_ITEMS })
    } else if passwords > MAX_PASSWORDS {
        Err(Problem::TooManyPasswords { max: MAX_PASSWORDS })
    } else if invitations > MAX_INVITATIONS {
        let max = MAX_INVITATIONS;
        Err(Problem::TooManyInvitations { max })
    } else {
        Ok(())
    }
}

/// What an entry did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It created this account.
    Created(UserSeq),
    /// It changed this account.
    Updated(UserSeq),
}

/// Creates or changes the account of an entry.
pub(super) async fn apply(
    services: &Services,
    by: &ByService<'_>,
    user_type: UserType,
    mut item: Object,
) -> Result<Done, ApiError> {
    match (user_type, number(&mut item)?) {
        (UserType::User, None) => create_user(services, by, item).await.map(Done::Created),
        (UserType::User, Some(number)) => update_user(services, by, number, item).await,
        (UserType::Client, None) => create_client(services, by, item).await.map(Done::Created),
        (UserType::Client, Some(number)) => update_client(services, by, number, item).await,
    }
}

/// Takes the number of the account to change out of an entry.
fn number(item: &mut Map<String, Value>) -> Result<Option<UserSeq>, Error> {
    let Some(value) = item.remove(NUMBER) else {
        return Ok(None);
    };
    let number = value.as_i64().and_then(UserSeq::new);
    let problem = Problem::NotNumber {
        min: 1,
        max: i64::MAX,
    };
    let number = number.ok_or_else(|| Error::Invalid(Problems::one(NUMBER, problem)));
    number.map(Some)
}

async fn create_user(
    services: &Services,
    by: &ByService<'_>,
    item: Object,
) -> Result<UserSeq, ApiError> {
    let mut fields = Fields::of_object(item, NEW_USER);
    let is_invited = fields.boolean(&INVITE) == Some(true);
    let new = users::new_user(fields, &services.roles, is_invited)?;
    let invited = Invited {
        has_email: new.email.is_some(),
        has_password: new.password.is_some(),
        is_active: new.is_active,
    };
    if is_invited {
        invitations::check(services, invited)?;
    }
    let number = by_service::create_user(services, by, new).await?.user_seq;
    if is_invited {
        invite(services, by, Principal::user(number)).await?;
    }
    Ok(number)
}

async fn update_user(
    services: &Services,
    by: &ByService<'_>,
    number: UserSeq,
    item: Object,
) -> Result<Done, ApiError> {
    let mut fields = Fields::of_object(item, CHANGED_USER);
    fields.require_any();
    let kept = users::kept_role(services, &mut fields, number).await?;
    let changes = users::changes(&mut fields, &services.roles, kept.as_ref());
    fields.finish()?;
    by_service::update_user(services, by, number, changes).await?;
    Ok(Done::Updated(number))
}

async fn create_client(
    services: &Services,
    by: &ByService<'_>,
    item: Object,
) -> Result<UserSeq, ApiError> {
    let mut fields = Fields::of_object(item, NEW_CLIENT);
    let is_invited = fields.boolean(&INVITE) == Some(true);
    let new = client_users::new_client(fields)?;
    let invited = Invited {
        has_email: new.email.is_some(),
        has_password: new.password.is_some(),
        is_active: new.is_active,
    };
    if is_invited {
        invitations::check(services, invited)?;
    }
    let client = client_user_changes::create(services, by.actor, new).await?;
    if is_invited {
        invite(services, by, Principal::client(client.user_seq)).await?;
    }
    Ok(client.user_seq)
}

async fn update_client(
    services: &Services,
    by: &ByService<'_>,
    number: UserSeq,
    item: Object,
) -> Result<Done, ApiError> {
    let mut fields = Fields::of_object(item, CHANGED_CLIENT);
    fields.require_any();
    let changes = client_users::changes(&mut fields);
    fields.finish()?;
    client_user_changes::update(services, by.actor, number, changes).await?;
    Ok(Done::Updated(number))
}

async fn invite(services: &Services, by: &ByService<'_>, owner: Principal) -> Result<(), Error> {
    let path_of = |secret: &str| paths::password_link(secret);
    invitations::send(services, by.actor, owner, path_of).await?;
    Ok(())
}
