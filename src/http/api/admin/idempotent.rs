//! The header `Idempotency-Key`: a request that is repeated with the same key has its effect once, and gets the answer of the
//! first one.

use actix_web::{
    HttpRequest,
    http::{Method, header::HeaderName},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::domain::idempotency::IdempotencyKey;
use crate::domain::principal::UserSeq;
use crate::domain::problem::{Problem, Problems};
use crate::http::api::errors::ApiError;
use crate::services::idempotency::{self, KeyedRequest};
use crate::services::{Error, Services};

/// The header with the key.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request; `None` without one.
pub(super) fn key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Error> {
    let Some(value) = request.headers().get(KEY) else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .map_err(|_| Problem::NotIdempotencyKey)
        .and_then(IdempotencyKey::parse);
    key.map(Some)
        .map_err(|problem| Error::Invalid(Problems::one(KEY.as_str(), problem)))
}

/// What a request is.
pub(super) enum Begun<T> {
    /// New: it is to be run.
    New(Running),
    /// A repetition, with the data of the first answer.
    Repeated(T),
}

/// A request that is running, with its key if it has one.
pub(super) struct Running(Option<idempotency::Running>);

/// Begins a request of a service with its `body`.
pub(super) async fn begin<T: DeserializeOwned>(
    services: &Services,
    caller: UserSeq,
    key: Option<IdempotencyKey>,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Begun<T>, ApiError> {
    let Some(key) = key else {
        return Ok(Begun::New(Running(None)));
    };
    let keyed = KeyedRequest {
        caller,
        key: &key,
        operation: &format!("{} {}", Method::POST, request.path()),
        body,
    };
    match idempotency::begin(services, &keyed).await? {
        idempotency::Begun::New(running) => Ok(Begun::New(Running(Some(running)))),
        idempotency::Begun::Finished(answer) => {
            let data = serde_json::from_str(&answer);
            let data = data.map_err(|error| ApiError::Internal(error.to_string()))?;
            Ok(Begun::Repeated(data))
        }
    }
}

impl Running {
    /// Stores the data of the answer for a repetition. It must contain no secret.
    pub(super) async fn finish<T: Serialize>(self, services: &Services, data: &T) {
        let Some(running) = self.0 else {
            return;
        };
        let stored = serde_json::to_string(data).unwrap_or_default();
        if let Err(error) = idempotency::finish(services, running, stored).await {
            tracing::warn!(%error, "the answer of a request with an idempotency key cannot be stored");
        }
    }

    /// Frees the key of a request that had no effect.
    pub(super) async fn abandon(self, services: &Services) {
        let Some(running) = self.0 else {
            return;
        };
        if let Err(error) = idempotency::abandon(services, running).await {
            tracing::warn!(%error, "the idempotency key of a request that failed cannot be freed");
        }
    }
}
