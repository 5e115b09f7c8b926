//! `/api/keys`: the keys that sign tokens.

use actix_web::{HttpRequest, rt, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::config::Algorithm;
use crate::domain::audit::Actor;
use crate::domain::problem::Problem;
use crate::domain::session::JobId;
use crate::domain::signing_key::KeyState;
use crate::http::api::admin::granted::Granted;
use crate::http::api::admin::idempotent::{self, Begun, Running};
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::request_body::read;
use crate::services::signing_keys::changes::{self, Revoked};
use crate::services::signing_keys::list::{self, KeyInfo};
use crate::services::{Error, Services};

inputs! {
    /// The algorithm of the key.
    ALGORITHM: Algorithm = "algorithm", Kind::OneOf(Algorithm::NAMES), algorithm;
    /// Whether the key signs even if it was published only recently.
    AT_ONCE: bool = "at_once", Kind::Boolean, at_once;
}

fn algorithm(text: &str) -> Result<Algorithm, Problem> {
    Algorithm::from_word(text).ok_or(Problem::NotOneOf(Algorithm::NAMES))
}

fn at_once(text: &str) -> Result<bool, Problem> {
    text.parse().map_err(|_| Problem::NotBoolean)
}

/// A signing key without its private part.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SigningKey")]
pub(in crate::http::api) struct KeyView {
    /// The id of the key; `kid` in the header of tokens.
    #[schemars(example = &"k1")]
    kid: String,
    /// The only algorithm of the key.
    #[schemars(example = &"EdDSA")]
    algorithm: String,
    /// Its state.
    state: KeyState,
    /// How many live sessions have a refresh token that it signed.
    #[schemars(example = 12)]
    sessions: i64,
    /// When it was made.
    created_at: Timestamp,
    /// When it was published.
    published_at: Timestamp,
    /// When it began to sign.
    activated_at: Option<Timestamp>,
    /// When it stopped signing.
    retired_at: Option<Timestamp>,
    /// When it was revoked.
    revoked_at: Option<Timestamp>,
    /// When the last token that it signed has expired.
    expires_at: Option<Timestamp>,
}

impl KeyView {
    fn new(key: KeyInfo) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm,
            state: key.state,
            sessions: key.sessions,
            created_at: key.created_at,
            published_at: key.published_at,
            activated_at: key.activated_at,
            retired_at: key.retired_at,
            revoked_at: key.revoked_at,
            expires_at: key.expires_at,
        }
    }
}

/// `GET /api/keys`: all signing keys, oldest first.
///
/// **Permissions**: `admin:keys:read`. `200` `KEY_LIST`; `401`, `403`, `503`.
pub(in crate::http::api) async fn list(
    services: web::Data<Services>,
    _: Granted,
) -> Result<Answer<Vec<KeyView>>, ApiError> {
    let keys = list::list(&services.store, services.clock.now()).await?;
    let keys = keys.into_iter().map(KeyView::new).collect();
    Ok(Answer::ok("KEY_LIST", keys))
}

/// The id of a key.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(in crate::http::api) struct NewKey {
    /// The id.
    #[schemars(example = &"k2")]
    kid: String,
}

/// `POST /api/keys`: makes a key that is published and signs once it is promoted.
///
/// **Permissions**: `admin:keys:write`. `201` `KEY_CREATED`; `400`, `401`, `403`, `409` `KEY_REFUSED` and
/// `IDEMPOTENCY_KEY_IN_USE`, `422` `IDEMPOTENCY_KEY_REUSED`, `503`.
pub(in crate::http::api) async fn create(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<Answer<NewKey>, ApiError> {
    let key = idempotent::key(&request)?;
    let body = read(request.clone(), payload.into_inner()).await;
    let body = body.map_err(|error| ApiError::from_framework(&error))?;
    let mut fields = Fields::of_request(&request, &body)?;
    let algorithm = fields.required(&ALGORITHM);
    let algorithm = fields.complete(algorithm)?;
    let running = match idempotent::begin(&services, caller.number, key, &request, &body).await? {
        Begun::New(running) => running,
        Begun::Repeated(made) => return Ok(Answer::created("KEY_CREATED", made)),
    };
    // A task of its own, so that the answer is stored even if the caller hangs up.
    let made = rt::spawn(make(services, caller.actor, algorithm, running)).await;
    let made = made.map_err(|error| ApiError::Internal(error.to_string()))??;
    Ok(Answer::created("KEY_CREATED", made))
}

async fn make(
    services: web::Data<Services>,
    actor: Actor,
    algorithm: Algorithm,
    running: Running,
) -> Result<NewKey, Error> {
    match changes::generate(&services, &actor, algorithm).await {
        Ok(kid) => {
            let made = NewKey { kid };
            running.finish(&services, &made).await;
            Ok(made)
        }
        Err(error) => {
            running.abandon(&services).await;
            Err(error)
        }
    }
}

/// `{kid}` of the path.
fn kid(request: &HttpRequest) -> &str {
    request.match_info().query("kid")
}

/// `POST /api/keys/{kid}/promote`: lets a key sign; the one before is retired.
///
/// **Permissions**: `admin:keys:write`. `200` `KEY_PROMOTED`; `400`, `401`, `403`, `404`, `409` `KEY_REFUSED`, `503`.
pub(in crate::http::api) async fn promote(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<()>, ApiError> {
    let at_once = fields.boolean(&AT_ONCE) == Some(true);
    fields.finish()?;
    changes::promote(&services, &caller.actor, kid(&request), at_once).await?;
    Ok(Answer::done("KEY_PROMOTED"))
}

/// `POST /api/keys/{kid}/retire`: withdraws a key that was to sign.
///
/// **Permissions**: `admin:keys:write`. `200` `KEY_RETIRED`; `401`, `403`, `404`, `409` `KEY_REFUSED`, `503`.
pub(in crate::http::api) async fn retire(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
) -> Result<Answer<()>, ApiError> {
    changes::retire(&services, &caller.actor, kid(&request)).await?;
    Ok(Answer::done("KEY_RETIRED"))
}

/// What the revocation of a key did.
#[derive(Serialize, JsonSchema)]
pub(in crate::http::api) struct RevokedKey {
    /// How many sessions were ended so far.
    #[schemars(example = 12)]
    sessions: u64,
    /// Whether further sessions are being ended: then `GET /api/jobs/{id}` of `job` has the progress.
    sessions_ending: bool,
    /// The background job that ends the sessions.
    job: JobId,
    /// The key that signs instead; `null` if the revoked one did not sign.
    #[schemars(example = &"k2")]
    successor: Option<String>,
}

/// `POST /api/keys/{kid}/revoke`: refuses the tokens of a key and ends their sessions, in the background if that takes long.
///
/// **Permissions**: `admin:keys:write`. `200` `KEY_REVOKED`; `401`, `403`, `404`, `409` `KEY_REFUSED`, `503`.
pub(in crate::http::api) async fn revoke(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
) -> Result<Answer<RevokedKey>, ApiError> {
    let revoked = changes::revoke(&services, &caller.actor, kid(&request)).await?;
    let Revoked {
        successor,
        sessions,
        is_ending,
        job,
    } = revoked;
    let data = RevokedKey {
        sessions,
        sessions_ending: is_ending,
        job,
        successor,
    };
    Ok(Answer::ok("KEY_REVOKED", data))
}
