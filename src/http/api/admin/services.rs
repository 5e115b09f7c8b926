//! `/api/services`: the programs that check tokens and call each other. A secret is shown once, in the answer that made it.

use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::domain::principal::UserSeq;
use crate::domain::service::{Description, Scopes, ServiceName};
use crate::http::api::admin::granted::Granted;
use crate::http::api::answer::Answer;
use crate::http::api::body::Fields;
use crate::http::api::errors::ApiError;
use crate::http::api::input::{Kind, inputs};
use crate::http::api::inputs::{IS_ACTIVE, MAX_SCOPE};
use crate::services::service::by_service::{self, ByService};
use crate::services::service::changes::{NewService, ServiceUpdate, WithSecret};
use crate::services::service::view::{self, Service};
use crate::services::{Error, Services};

inputs! {
    /// The unique name, which is the `client_id`. It cannot be changed later.
    SERVICE_NAME: ServiceName = "name", Kind::Text { format: Some("service"), max: Some(ServiceName::MAX) },
        ServiceName::parse;
    /// What the service is for, one line.
    DESCRIPTION: Description = "description", Kind::Text { format: Some("line"), max: Some(Description::MAX) },
        Description::parse;
    /// The scopes of its access tokens, with spaces in between.
    SCOPES: Scopes = "scopes", Kind::Text { format: None, max: Some(MAX_SCOPE) }, Scopes::parse;
}

/// A service.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Service")]
pub(in crate::http::api) struct ServiceView {
    /// The number.
    number: UserSeq,
    /// The unique name, which is the `client_id`.
    #[schemars(example = &"billing")]
    name: String,
    /// What it is for; possibly empty.
    #[schemars(example = &"Sends bills")]
    description: String,
    /// The scopes that its access tokens may have.
    #[schemars(example = &["orders:read"])]
    scopes: Vec<String>,
    /// Whether it may authenticate.
    is_active: bool,
    /// When it last authenticated, to within a minute.
    last_used_at: Option<Timestamp>,
    /// When it was created.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl ServiceView {
    fn new(service: Service) -> Self {
        Self {
            number: service.number,
            name: service.name,
            description: service.description,
            scopes: service.scopes.iter().map(str::to_owned).collect(),
            is_active: service.is_active,
            last_used_at: service.last_used_at,
            created_at: service.created_at,
            updated_at: service.updated_at,
        }
    }
}

/// A service and its secret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServiceWithSecret")]
pub(in crate::http::api) struct WithSecretView {
    /// The service.
    service: ServiceView,
    /// The secret, which is shown only now: the `client_secret`.
    #[schemars(example = &"Qx3vFzJ0mY5kT8nB1cR7wL2pD6sG9hA4eU0iO3yK5tM")]
    secret: String,
}

impl WithSecretView {
    fn new(created: WithSecret) -> Self {
        Self {
            service: ServiceView::new(created.service),
            secret: created.secret,
        }
    }
}

fn by(caller: &Granted) -> ByService<'_> {
    ByService {
        actor: &caller.actor,
        scopes: &caller.scopes,
    }
}

/// `{number}` of the path.
fn number(request: &HttpRequest) -> Result<UserSeq, Error> {
    let digits = request.match_info().query("number");
    UserSeq::from_digits(digits).ok_or(Error::ServiceNotFound)
}

/// `GET /api/services`: all services, by name.
///
/// **Permissions**: `admin:services:read`. `200` `SERVICE_LIST`; `401`, `403`, `503`.
pub(in crate::http::api) async fn list(
    services: web::Data<Services>,
    _: Granted,
) -> Result<Answer<Vec<ServiceView>>, ApiError> {
    let all = view::list(&services.store).await?;
    let all = all.into_iter().map(ServiceView::new).collect();
    Ok(Answer::ok("SERVICE_LIST", all))
}

/// `GET /api/services/{number}`: one service.
///
/// **Permissions**: `admin:services:read`. `200` `SERVICE`; `401`, `403`, `404`, `503`.
pub(in crate::http::api) async fn show(
    services: web::Data<Services>,
    _: Granted,
    request: HttpRequest,
) -> Result<Answer<ServiceView>, ApiError> {
    let service = view::find(&services.store, number(&request)?).await?;
    Ok(Answer::ok("SERVICE", ServiceView::new(service)))
}

/// `POST /api/services`: creates a service with a random secret.
///
/// **Permissions**: `admin:services:write`. `201` `SERVICE_CREATED`; `400`, `401`, `403` (also for a scope of the admin API that
/// the caller does not have), `409` `ALREADY_EXISTS`, `503`.
pub(in crate::http::api) async fn create(
    services: web::Data<Services>,
    caller: Granted,
    mut fields: Fields,
) -> Result<Answer<WithSecretView>, ApiError> {
    let name = fields.required(&SERVICE_NAME);
    let description = fields.optional(&DESCRIPTION);
    let scopes = fields.optional(&SCOPES);
    let new = NewService {
        name: fields.complete(name)?,
        description: description.unwrap_or_default(),
        scopes: scopes.unwrap_or_default(),
    };
    let created = by_service::create(&services, &by(&caller), new).await?;
    Ok(Answer::created(
        "SERVICE_CREATED",
        WithSecretView::new(created),
    ))
}

/// `PATCH /api/services/{number}`: changes the fields that are sent.
///
/// **Permissions**: `admin:services:write`. `200` `SERVICE_UPDATED`; `400`, `401`, `403` (also for scopes of the admin API that
/// the caller does not have), `404`, `503`.
pub(in crate::http::api) async fn update(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
    mut fields: Fields,
) -> Result<Answer<ServiceView>, ApiError> {
    let number = number(&request)?;
    fields.require_any();
    let changes = ServiceUpdate {
        description: fields.optional(&DESCRIPTION),
        scopes: fields.optional(&SCOPES),
        is_active: fields.boolean(&IS_ACTIVE),
    };
    fields.finish()?;
    let service = by_service::update(&services, &by(&caller), number, changes).await?;
    Ok(Answer::ok("SERVICE_UPDATED", ServiceView::new(service)))
}

/// `POST /api/services/{number}/secret`: gives a service a new secret. The old one and all its access tokens are refused.
///
/// **Permissions**: `admin:services:write`. `200` `SECRET_ROTATED`; `401`, `403` (also for a service with scopes of the admin
/// API that the caller does not have), `404`, `503`.
pub(in crate::http::api) async fn rotate_secret(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
) -> Result<Answer<WithSecretView>, ApiError> {
    let number = number(&request)?;
    let rotated = by_service::rotate_secret(&services, &by(&caller), number).await?;
    Ok(Answer::ok("SECRET_ROTATED", WithSecretView::new(rotated)))
}

/// `DELETE /api/services/{number}`: deletes a service. Its secret and all its access tokens are refused.
///
/// **Permissions**: `admin:services:write`. `200` `SERVICE_DELETED`; `401`, `403` (also for a service with scopes of the admin
/// API that the caller does not have), `404`, `503`.
pub(in crate::http::api) async fn delete(
    services: web::Data<Services>,
    caller: Granted,
    request: HttpRequest,
) -> Result<Answer<()>, ApiError> {
    by_service::delete(&services, &by(&caller), number(&request)?).await?;
    Ok(Answer::done("SERVICE_DELETED"))
}
