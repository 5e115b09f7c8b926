//! The table from errors to answers of the API: status, code, message, headers. The `match` of
//! the errors of the services is in `error_statuses`.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use actix_web::{
    Error as ActixError, HttpResponse, HttpResponseBuilder, ResponseError,
    cookie::Cookie,
    http::{StatusCode, header},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::language::Language;
use crate::domain::problem::{Problem, Problems};
use crate::http::api::answer::{Meta, code_message, rate_limited, scope_missing, sentence};
use crate::http::api::error_data::ErrorData;
use crate::http::api::error_statuses::of_service;
use crate::http::api::inputs::CURRENT_PASSWORD;
use crate::http::middleware::accept::{ErrorForm, PROBLEM};
use crate::http::middleware::context::RequestContext;
use crate::http::middleware::headers::{used_up, whole_seconds};
use crate::services::Error;
use crate::services::signing_keys::refusal::KeyRefusal;
use crate::tokens::TokenError;

/// `Retry-After` when the server is unavailable or overloaded, in seconds.
const RETRY_SECONDS: u64 = 1;

/// An error of the API: one of the services, or one of HTTP itself.
#[derive(Debug)]
pub enum ApiError {
    /// An error of the services; its variants name the answer.
    Service(Error),
    /// `404` `NOT_FOUND`: no such path.
    NotFound,
    /// `404` `NO_ISSUER`: neither `server.public_url` nor `tokens.issuer` is an address of this server.
    NoIssuer,
    /// `405` `METHOD_NOT_ALLOWED`: the path exists, but not with this method.
    MethodNotAllowed {
        /// The methods that the path has.
        allow: String,
    },
    /// `413` `PAYLOAD_TOO_LARGE`: the body is larger than the endpoint reads.
    PayloadTooLarge,
    /// `415` `UNSUPPORTED_MEDIA_TYPE`: the body is neither JSON nor a form.
    UnsupportedMediaType,
    /// `400` `INVALID_REQUEST` with a message of its own: logout without a refresh token.
    RefreshTokenRequired(Problems),
    /// As [`ApiError::Service`], for a refresh token in a cookie that will never be accepted again: the cookie is removed.
    RefreshOver {
        /// The error of the services.
        error: Error,
        /// The cookie that removes it.
        removal: Box<Cookie<'static>>,
    },
    /// `403` `FORBIDDEN`: the account of the token does not meet a condition of `/auth/forward`.
    ConditionNotMet,
    /// `403` `FORBIDDEN`: the access token of a service does not have the scope of the endpoint.
    ScopeMissing(&'static str),
    /// `503` `OVERLOADED`: the request or its body took longer than `server.request_timeout`.
    TooSlow,
    /// `500` `INTERNAL_ERROR`: a bug.
    Internal(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self::Service(error.into())
    }
}

/// An error with the fields' names of the API in place of those of the admin panel's forms. `names` are pairs of old and new
/// name.
pub(super) fn renamed(error: Error, names: &[(&str, &str)]) -> Error {
    match error {
        Error::Invalid(problems) => Error::Invalid(problems.renamed(names)),
        error => error,
    }
}

/// actix renders errors by this trait: the status alone. The outermost middleware replaces the answer.
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status_and_code().0
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// The key of the message of a refused change of the signing keys.
fn sentence_of_key(refusal: &KeyRefusal) -> &'static str {
    match refusal {
        KeyRefusal::NotFound(_) => "code.NOT_FOUND",
        KeyRefusal::TooEarly(_) => "sentence.key_too_early",
        KeyRefusal::NotNext(_) => "sentence.key_not_next",
        KeyRefusal::Active => "sentence.key_active",
        KeyRefusal::Already(_) => "sentence.key_ended",
        KeyRefusal::Files => "sentence.key_of_files",
        // The last three are refusals of the CLI.
        KeyRefusal::Changed
        | KeyRefusal::NoOtherMasterKey
        | KeyRefusal::NotOpened(_)
        | KeyRefusal::AuditLog => "sentence.key_changed",
    }
}

/// The envelope of every error.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(in crate::http) struct ErrorEnvelope<'a> {
    /// `false`.
    #[schemars(extend("const" = false))]
    success: bool,
    /// What is wrong, for programs.
    code: &'a str,
    /// What is wrong, for people, in the language of `Accept-Language`.
    message: &'a str,
    /// Sentences about each wrong field, in the same language.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Sentences<'a>>,
    /// How to continue, if the client can.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ErrorData<'a>>,
    /// The request's time and id.
    meta: Meta<'a>,
}

/// Problem details (RFC 9457).
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct ProblemDetails<'a> {
    /// An address that explains the code.
    r#type: String,
    /// The name of the status.
    title: &'a str,
    /// The status.
    status: u16,
    /// What is wrong, for people, in the language of `Accept-Language`.
    detail: &'a str,
    /// The request's id.
    instance: &'a str,
    /// What is wrong, for programs.
    code: &'a str,
    /// Sentences about each wrong field, in the same language.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Sentences<'a>>,
    /// How to continue, if the client can.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ErrorData<'a>>,
}

/// What is wrong with each field.
pub(super) type Sentences<'a> = BTreeMap<&'a str, Vec<Cow<'static, str>>>;

/// The problems in the language of the request.
pub(super) fn sentences(problems: &Problems, language: Language) -> Sentences<'_> {
    let fields = problems.iter();
    fields
        .map(|(field, problems)| {
            let sentences = problems.iter().map(|one| one.message(language));
            (field, sentences.collect())
        })
        .collect()
}

impl ApiError {
    /// An error of actix or one of its crates, by its status.
    pub(in crate::http) fn from_framework(error: &ActixError) -> Self {
        match error.as_response_error().status_code() {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            status if status.is_client_error() => Self::malformed_body(),
            _ => Self::Internal(error.to_string()),
        }
    }

    /// The body cannot be parsed.
    pub(super) fn malformed_body() -> Self {
        Error::Invalid(Problems::one("body", Problem::MalformedBody)).into()
    }

    pub(super) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Service(error) | Self::RefreshOver { error, .. } => of_service(error),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::NoIssuer => (StatusCode::NOT_FOUND, "NO_ISSUER"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")
            }
            Self::RefreshTokenRequired(_) => (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
            Self::ConditionNotMet | Self::ScopeMissing(_) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Self::TooSlow => (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        }
    }

    /// The error of the services, if it is one.
    fn service_error(&self) -> Option<&Error> {
        match self {
            Self::Service(error) | Self::RefreshOver { error, .. } => Some(error),
            _ => None,
        }
    }

    /// The message of the code, or the one that this error has instead.
    pub(super) fn message(&self, code: &str, language: Language) -> Cow<'static, str> {
        if let Self::RefreshTokenRequired(_) = self {
            return sentence(language, "sentence.refresh_token_required");
        }
        if let Self::ScopeMissing(scope) = self {
            return scope_missing(language, scope);
        }
        match self.service_error() {
            Some(Error::LastAdministrator) => sentence(language, "sentence.last_administrator"),
            Some(Error::RoleNeedsScope) => sentence(language, "sentence.role_needs_scope"),
            Some(Error::ScopeNotOwned) => sentence(language, "sentence.service_scope"),
            Some(Error::KeyRefused(refusal)) => sentence(language, sentence_of_key(refusal)),
            Some(Error::RateLimited { retry_after, .. }) => {
                rate_limited(language, whole_seconds(*retry_after))
            }
            Some(Error::Token(TokenError::NoPrincipal)) => {
                sentence(language, "sentence.no_principal")
            }
            Some(Error::Token(TokenError::UnknownUserType)) => {
                sentence(language, "sentence.unknown_user_type")
            }
            _ => code_message(language, code),
        }
    }

    pub(super) fn problems(&self) -> Option<Cow<'_, Problems>> {
        match self {
            Self::RefreshTokenRequired(problems) | Self::Service(Error::Invalid(problems)) => {
                Some(Cow::Borrowed(problems))
            }
            Self::Service(Error::AlreadyExists { field }) => {
                Some(Cow::Owned(Problems::one(*field, Problem::Taken)))
            }
            Self::Service(Error::CurrentPasswordRequired) => Some(Cow::Owned(Problems::one(
                CURRENT_PASSWORD.name,
                Problem::Required,
            ))),
            _ => None,
        }
    }

    /// The complete answer, in the language of the request.
    pub(in crate::http) fn answer(&self, context: &RequestContext) -> HttpResponse {
        let (status, code) = self.status_and_code();
        let mut answer = self.answer_without_body(context);
        answer.append_header((header::VARY, "Accept"));
        let (language, problems) = (context.language, self.problems());
        let errors = problems.as_deref();
        let errors = errors.map(|problems| sentences(problems, language));
        let message = self.message(code, language);
        let ErrorForm::Problem { explanations } = &context.error_form else {
            return answer.json(ErrorEnvelope {
                success: false,
                code,
                message: &message,
                errors,
                data: self.service_error().and_then(ErrorData::of),
                meta: Meta::of(context),
            });
        };
        answer.content_type(PROBLEM).json(ProblemDetails {
            r#type: format!("{explanations}#{code}"),
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: &message,
            instance: &context.id,
            code,
            errors,
            data: self.service_error().and_then(ErrorData::of),
        })
    }

    /// Status and headers of the answer. `500` and `503` are logged here, once, with the request id.
    pub(super) fn answer_without_body(&self, context: &RequestContext) -> HttpResponseBuilder {
        let (status, _) = self.status_and_code();
        self.log(status, context);
        let mut answer = HttpResponse::build(status);
        self.add_headers(status, context, &mut answer);
        answer
    }

    fn add_headers(
        &self,
        status: StatusCode,
        context: &RequestContext,
        answer: &mut HttpResponseBuilder,
    ) {
        answer.insert_header((header::CONTENT_LANGUAGE, context.language.tag()));
        if status == StatusCode::UNAUTHORIZED {
            // Whether a token was presented and refused (RFC 6750 section 3.1).
            let challenge = match self.service_error() {
                Some(
                    Error::Unauthorized
                    | Error::InvalidCredentials
                    | Error::InvalidOtp
                    | Error::SecondFactorRequired(_)
                    | Error::InvalidSecondFactor,
                ) => r#"Bearer realm="api""#,
                _ => r#"Bearer realm="api", error="invalid_token""#,
            };
            answer.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Some(Error::RateLimited {
            retry_after,
            policy,
        }) = self.service_error()
        {
            for header in used_up(*retry_after, *policy) {
                answer.insert_header(header);
            }
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((header::RETRY_AFTER, RETRY_SECONDS));
        }
        match self {
            Self::MethodNotAllowed { allow } => {
                answer.insert_header((header::ALLOW, allow.as_str()));
            }
            Self::ScopeMissing(scope) => {
                let challenge =
                    format!(r#"Bearer realm="api", error="insufficient_scope", scope="{scope}""#);
                answer.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::ConditionNotMet => {
                let challenge = r#"Bearer realm="api", error="insufficient_scope""#;
                answer.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::RefreshOver { removal, .. } => {
                answer.cookie(Cookie::clone(removal));
            }
            _ => {}
        }
    }

    pub(super) fn log(&self, status: StatusCode, context: &RequestContext) {
        let cause: &dyn fmt::Display = match self.service_error() {
            Some(error) => error,
            None => self,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(request_id = context.id, error = %cause, "internal error");
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(request_id = context.id, error = %cause, "unavailable");
        }
    }
}
