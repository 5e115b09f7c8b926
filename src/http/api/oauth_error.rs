//! Errors of the endpoints of OAuth 2.0, in the form of the standard (RFC 6749 section 5.2) and not in the envelope.

use std::fmt;

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::language::Language;
use crate::http::api::errors::ApiError;
use crate::http::middleware::context::RequestContext;
use crate::services::Error;

/// An error of an endpoint of OAuth 2.0.
#[derive(Debug)]
pub(in crate::http) enum OAuthError {
    /// `400` `invalid_request`: a parameter is missing or invalid, or there are two kinds of credentials.
    InvalidRequest(String),
    /// `401` `invalid_client`: no credentials of a service, or wrong ones.
    InvalidClient,
    /// `401` `invalid_token` (RFC 6750 section 3.1): the access token of the caller is not valid.
    InvalidToken,
    /// `403` `insufficient_scope` (RFC 6750 section 3.1): the access token of the caller is not one of a service.
    NotService,
    /// `400` `invalid_scope`: the service does not have a requested scope.
    InvalidScope,
    /// `400` `unsupported_grant_type`.
    UnsupportedGrantType,
    /// `400` `unsupported_token_type` (RFC 7009 section 2.2.1): tokens of services cannot be revoked one by one.
    UnsupportedTokenType,
    /// An error that has no name of its own in the standard.
    Other(ApiError),
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<ApiError> for OAuthError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Service(Error::InvalidCredentials) => Self::InvalidClient,
            ApiError::Service(Error::ScopeNotGranted) => Self::InvalidScope,
            error => match described(&error) {
                Some(description) => Self::InvalidRequest(description),
                None => Self::Other(error),
            },
        }
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        ApiError::Service(error).into()
    }
}

/// The problems of fields, in English: descriptions are in ASCII.
fn described(error: &ApiError) -> Option<String> {
    let problems = error.problems()?;
    let mut sentences = Vec::new();
    for (field, problems) in problems.iter() {
        for problem in problems {
            sentences.push(format!("{field}: {}", problem.message(Language::En)));
        }
    }
    Some(sentences.join(" "))
}

/// actix renders errors by this trait: the status alone. The outermost middleware replaces the answer.
impl ResponseError for OAuthError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::InvalidRequest(_)
            | Self::InvalidScope
            | Self::UnsupportedGrantType
            | Self::UnsupportedTokenType => StatusCode::BAD_REQUEST,
            Self::InvalidClient | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::NotService => StatusCode::FORBIDDEN,
            Self::Other(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// The body of an error.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OAuthError")]
pub(in crate::http) struct ErrorBody<'a> {
    /// The error, for programs.
    #[schemars(example = &"invalid_request")]
    error: &'static str,
    /// What is wrong, for developers, in English.
    #[schemars(example = &"token: is required")]
    error_description: &'a str,
}

impl OAuthError {
    /// The complete answer.
    pub(in crate::http) fn answer(&self, context: &RequestContext) -> HttpResponse {
        let mut answer = match self {
            Self::Other(error) => error.answer_without_body(context),
            _ => HttpResponse::build(self.status_code()),
        };
        answer.insert_header((header::PRAGMA, "no-cache"));
        self.add_challenge(&mut answer);
        answer.json(ErrorBody {
            error: self.name(),
            error_description: self.description(),
        })
    }

    fn add_challenge(&self, answer: &mut HttpResponseBuilder) {
        let challenge = match self {
            Self::InvalidClient => r#"Basic realm="oauth", charset="UTF-8""#,
            Self::InvalidToken => r#"Bearer realm="oauth", error="invalid_token""#,
            Self::NotService => r#"Bearer realm="oauth", error="insufficient_scope""#,
            _ => return,
        };
        answer.insert_header((header::WWW_AUTHENTICATE, challenge));
    }

    fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidToken => "invalid_token",
            Self::NotService => "insufficient_scope",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::Other(error) => match error.status_code() {
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    "temporarily_unavailable"
                }
                status if status.is_client_error() => "invalid_request",
                _ => "server_error",
            },
        }
    }

    fn description(&self) -> &str {
        match self {
            Self::InvalidRequest(description) => description,
            Self::InvalidClient => "Wrong client_id or client_secret, or the service is inactive.",
            Self::InvalidToken => "The access token in the header is not valid.",
            Self::NotService => "The access token in the header is not one of a service.",
            Self::InvalidScope => "The service does not have one of the requested scopes.",
            Self::UnsupportedGrantType => "The only grant type is client_credentials.",
            Self::UnsupportedTokenType => {
                "An access token of a service cannot be revoked alone: rotate its secret."
            }
            Self::Other(error) => match error.status_code() {
                StatusCode::TOO_MANY_REQUESTS => {
                    "Too many wrong secrets. Wait as Retry-After says."
                }
                StatusCode::SERVICE_UNAVAILABLE => "Unavailable. Try again as Retry-After says.",
                StatusCode::PAYLOAD_TOO_LARGE => "The body is larger than 64 KiB.",
                StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                    "The body must be application/x-www-form-urlencoded."
                }
                status if status.is_client_error() => "The request cannot be read.",
                _ => "An internal error. The log has the id of the request.",
            },
        }
    }
}
