//! `/auth/second-factors/passkeys`: the caller's passkeys.

use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::passkey::PasskeyName;
use crate::domain::problem::Problem;
use crate::domain::session::PasskeyId;
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::callers::{Anonymous, Bearer, actor};
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::inputs::LOGIN_CHALLENGE;
use crate::http::api::token_answers::{LoginRequest, TokenData};
use crate::services::accounts::reauthentication::require_recent;
use crate::services::auth::second_step;
use crate::services::second_factors::passkeys::{self, NewPasskeyAnswer};
use crate::services::second_factors::webauthn::options::CreationOptions;
use crate::services::second_factors::webauthn::relying_party::RelyingParty;
use crate::services::{Error, Services};
use crate::store::passkeys::PasskeyRow;

const NAME_KIND: Kind = Kind::Text {
    format: Some("line"),
    max: Some(PasskeyName::MAX),
};

/// The most bytes of an answer of a browser.
const MAX_CREDENTIAL: usize = 16_384;

inputs! {
    /// The name of the passkey, one line.
    PASSKEY_NAME: PasskeyName = "name", NAME_KIND, PasskeyName::parse;
    /// What `navigator.credentials.create()` returned, as `toJSON()` makes it.
    CREDENTIAL: String = "credential", Kind::Credential, credential;
    /// What `navigator.credentials.get()` returned, as `toJSON()` makes it; for the method `passkey`.
    ASSERTION: String = "assertion", Kind::Credential, credential;
}

/// The text of a JSON object. What is in it is checked by the services.
fn credential(text: &str) -> Result<String, Problem> {
    let is_object = serde_json::from_str(text).is_ok_and(|value: Value| value.is_object());
    if is_object && text.len() <= MAX_CREDENTIAL {
        Ok(text.to_owned())
    } else {
        Err(Problem::NotPasskey)
    }
}

/// A passkey in an answer to its owner.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Passkey")]
pub(super) struct PasskeyView {
    /// The id, by which it is renamed and removed.
    id: PasskeyId,
    /// The name that its owner gave it.
    #[schemars(example = &"Laptop")]
    name: String,
    /// Whether it was copied to other devices of its owner at its last use.
    is_backed_up: bool,
    /// When it was added.
    created_at: Timestamp,
    /// When it was last used.
    last_used_at: Option<Timestamp>,
}

impl PasskeyView {
    fn new(row: PasskeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            is_backed_up: row.is_backed_up,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// A passkey that was just added.
#[derive(Serialize, JsonSchema)]
pub(super) struct NewPasskey {
    /// The passkey.
    #[serde(flatten)]
    passkey: PasskeyView,
    /// The recovery codes, which are shown this once, if it is the account's first second factor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = &["h7kq-93mf-xw2p-t4rz"])]
    recovery_codes: Vec<String>,
}

/// The relying party.
///
/// # Errors
/// [`Error::PasskeysUnavailable`].
pub(super) fn relying_party(services: &Services) -> Result<RelyingParty, Error> {
    RelyingParty::of_api(&services.current.load().server).ok_or(Error::PasskeysUnavailable)
}

/// `GET /auth/second-factors/passkeys`: the caller's passkeys, the oldest first; at most 10.
///
/// **Permissions**: a bearer of either population. `200` `PASSKEY_LIST`; `401`, `503`.
pub(super) async fn list(
    services: web::Data<Services>,
    caller: Bearer,
) -> Result<Answer<Vec<PasskeyView>>, ApiError> {
    let rows = passkeys::list(&services, caller.0.account.principal).await?;
    let views = rows.into_iter().map(PasskeyView::new).collect();
    Ok(Answer::ok("PASSKEY_LIST", views))
}

/// `POST /auth/second-factors/passkeys/options`: what `navigator.credentials.create()` is called with.
///
/// **Permissions**: a bearer of either population. `200` `PASSKEY_OPTIONS`; `400` `INVALID_REQUEST` (the account has 10), `401`,
/// `403` `REAUTHENTICATION_REQUIRED`, `404` `PASSKEYS_UNAVAILABLE`, `503`.
pub(super) async fn options(
    services: web::Data<Services>,
    caller: Bearer,
) -> Result<Answer<CreationOptions>, ApiError> {
    let account = &caller.0.account;
    require_recent(&services, account.principal, &caller.0.session).await?;
    let party = relying_party(&services)?;
    let options = passkeys::begin(&services, &party, account).await?;
    Ok(Answer::ok("PASSKEY_OPTIONS", options))
}

/// `POST /auth/second-factors/passkeys`: adds the passkey that the browser made.
///
/// **Permissions**: a bearer of either population. `201` `PASSKEY_ADDED`; `400` `INVALID_REQUEST` (the passkey is refused), `401`,
/// `403` `REAUTHENTICATION_REQUIRED`, `404` `PASSKEYS_UNAVAILABLE`, `503`.
pub(super) async fn add(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    mut fields: Fields,
) -> Result<Answer<NewPasskey>, ApiError> {
    let name = fields.required(&PASSKEY_NAME);
    let credential = fields.required_object(&CREDENTIAL);
    let (name, credential) = fields.complete(name.zip(credential))?;
    let account = &caller.0.account;
    require_recent(&services, account.principal, &caller.0.session).await?;
    let new = NewPasskeyAnswer {
        party: &relying_party(&services)?,
        name,
        json: &credential,
    };
    let added = passkeys::add(&services, &actor(&caller.0, &request), account, new).await?;
    Ok(Answer::created(
        "PASSKEY_ADDED",
        NewPasskey {
            passkey: PasskeyView::new(added.passkey),
            recovery_codes: added.recovery_codes,
        },
    ))
}

/// `POST /auth/login/second-factor/passkeys/options`: what `navigator.credentials.create()` is called with, for an account that
/// must have a second factor to log in.
///
/// **Permissions**: anyone with the challenge. `200` `PASSKEY_OPTIONS`; `400`, `401` `INVALID_SECOND_FACTOR`, `404`
/// `PASSKEYS_UNAVAILABLE`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn options_at_login(
    services: web::Data<Services>,
    caller: Anonymous,
    mut fields: Fields,
) -> Result<Answer<CreationOptions>, ApiError> {
    let challenge = fields.required(&LOGIN_CHALLENGE);
    let challenge = fields.complete(challenge)?;
    let party = relying_party(&services)?;
    let options = second_step::begin_passkey(&services, &party, &challenge, &caller.0).await?;
    Ok(Answer::ok("PASSKEY_OPTIONS", options))
}

/// `POST /auth/login/second-factor/passkeys`: adds the passkey that the browser made, and completes the login.
///
/// **Permissions**: anyone with the challenge. `200` `LOGGED_IN`, with recovery codes; `400` (also for a passkey that is refused),
/// `401` `INVALID_SECOND_FACTOR`, `403` `FORBIDDEN` (a page of another origin requests the cookie), `404` `PASSKEYS_UNAVAILABLE`,
/// `409` `SECOND_FACTOR_EXISTS`, `429` `RATE_LIMITED`, `503`.
pub(super) async fn set_up_at_login(request: LoginRequest) -> Result<Answer<TokenData>, ApiError> {
    let LoginRequest {
        answer,
        caller,
        mut fields,
    } = request;
    let challenge = fields.required(&LOGIN_CHALLENGE);
    let name = fields.required(&PASSKEY_NAME);
    let credential = fields.required_object(&CREDENTIAL);
    let ((challenge, name), json) = fields.complete(challenge.zip(name).zip(credential))?;
    let services = answer.services();
    let new = NewPasskeyAnswer {
        party: &relying_party(services)?,
        name,
        json: &json,
    };
    let logged_in = second_step::set_up_passkey(services, &challenge, new, caller);
    let logged_in = Box::pin(logged_in).await?;
    Ok(answer.with(logged_in))
}

fn id_of(request: &HttpRequest) -> Result<PasskeyId, ApiError> {
    let id = request.match_info().get("id").and_then(PasskeyId::parse);
    id.ok_or(ApiError::NotFound)
}

/// `PATCH /auth/second-factors/passkeys/{id}`: renames one of the caller's passkeys.
///
/// **Permissions**: a bearer of either population, own passkeys. `200` `PASSKEY_RENAMED`; `400`, `401`, `404` (no passkey of the
/// caller), `503`.
pub(super) async fn rename(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let name = fields.required(&PASSKEY_NAME);
    let name = fields.complete(name)?;
    let (id, actor) = (id_of(&request)?, actor(&caller.0, &request));
    if !passkeys::rename(&services, &actor, &caller.0.account, id, name).await? {
        return Err(ApiError::NotFound);
    }
    Ok(Answer::done("PASSKEY_RENAMED"))
}

/// `DELETE /auth/second-factors/passkeys/{id}`: removes one of the caller's passkeys.
///
/// **Permissions**: a bearer of either population, own passkeys. `200` `PASSKEY_REMOVED`; `401`, `403` `REAUTHENTICATION_REQUIRED`,
/// `404` (no passkey of the caller), `503`.
pub(super) async fn remove(
    services: web::Data<Services>,
    request: HttpRequest,
    caller: Bearer,
) -> Result<Answer<()>, ApiError> {
    let owner = caller.0.account.principal;
    require_recent(&services, owner, &caller.0.session).await?;
    let (id, actor) = (id_of(&request)?, actor(&caller.0, &request));
    if !passkeys::remove(&services, &actor, &caller.0.account, id).await? {
        return Err(ApiError::NotFound);
    }
    Ok(Answer::done("PASSKEY_REMOVED"))
}
