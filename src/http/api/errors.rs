//! The table from errors to answers of the API: status, code, message, headers. The `match` has no `_` arm.

use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

use actix_web::{
    Error as ActixError, HttpResponse, HttpResponseBuilder, ResponseError,
    cookie::Cookie,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use serde::Serialize;

use crate::domain::language::Language;
use crate::domain::principal::UserType;
use crate::domain::problem::{Problem, Problems};
use crate::http::api::answer::Meta;
use crate::http::api::messages::{code_message, rate_limited, sentence};
use crate::http::middleware::context::RequestContext;
use crate::services::Error;
use crate::store::StoreError;
use crate::tokens::TokenError;

/// `Retry-After` when the server is unavailable or overloaded.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An error of the API: one of the services, or one of HTTP itself.
#[derive(Debug)]
pub enum ApiError {
    /// An error of the services; its variants name the answer.
    Service(Error),
    /// `404` `NOT_FOUND`: no such path.
    NotFound,
    /// `405` `METHOD_NOT_ALLOWED`: the path exists, but not with this method.
    MethodNotAllowed {
        /// The methods that the path has.
        allow: String,
    },
    /// `413` `PAYLOAD_TOO_LARGE`: the body is larger than 64 KiB.
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

/// actix renders errors by this trait: the status alone. The outermost middleware replaces the answer.
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        View::of(self, Language::default()).status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// The parts of an answer that depend on the error.
struct View<'a> {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    problems: Option<Cow<'a, Problems>>,
    /// Whether a token was presented and refused (RFC 6750 section 3.1).
    token_refused: bool,
    retry_after: Option<Duration>,
}

impl<'a> View<'a> {
    fn new(status: StatusCode, code: &'static str, language: Language) -> Self {
        let message = code_message(language, code);
        Self {
            status,
            code,
            message,
            problems: None,
            token_refused: false,
            retry_after: None,
        }
    }

    fn refused_token(code: &'static str, language: Language) -> Self {
        Self {
            token_refused: true,
            ..Self::new(StatusCode::UNAUTHORIZED, code, language)
        }
    }

    fn later(code: &'static str, language: Language) -> Self {
        Self {
            retry_after: Some(RETRY_AFTER),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, language)
        }
    }

    fn invalid(problems: Cow<'a, Problems>, language: Language) -> Self {
        Self {
            problems: Some(problems),
            ..Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", language)
        }
    }

    fn of(error: &'a ApiError, language: Language) -> Self {
        match error {
            ApiError::Service(error) | ApiError::RefreshOver { error, .. } => {
                Self::of_service(error, language)
            }
            ApiError::NotFound => Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", language),
            ApiError::MethodNotAllowed { .. } => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                language,
            ),
            ApiError::PayloadTooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", language)
            }
            ApiError::UnsupportedMediaType => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                language,
            ),
            ApiError::RefreshTokenRequired(problems) => Self {
                message: sentence(language, "sentence.refresh_token_required"),
                ..Self::invalid(Cow::Borrowed(problems), language)
            },
            ApiError::TooSlow => Self::later("OVERLOADED", language),
            ApiError::Internal(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL_ERROR",
                language,
            ),
        }
    }

    fn of_service(error: &'a Error, language: Language) -> Self {
        match error {
            Error::Invalid(problems) => Self::invalid(Cow::Borrowed(problems), language),
            Error::Unauthorized => Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", language),
            Error::InvalidCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS", language)
            }
            Error::InvalidOtp => Self::new(StatusCode::UNAUTHORIZED, "INVALID_OTP", language),
            Error::Token(error) => Self::of_token(*error, language),
            Error::TokenBlacklisted => Self::refused_token("TOKEN_BLACKLISTED", language),
            Error::TokenReused => Self::refused_token("TOKEN_REUSED", language),
            Error::SessionRevoked => Self::refused_token("SESSION_REVOKED", language),
            Error::UserInactive => Self::refused_token("USER_INACTIVE", language),
            Error::TokenUserNotFound => Self::refused_token("USER_NOT_FOUND", language),
            Error::InvalidLogoutToken => {
                Self::new(StatusCode::BAD_REQUEST, "INVALID_TOKEN", language)
            }
            // `OwnAccount` is a rule of the admin panel and does not occur here.
            Error::Forbidden | Error::OwnAccount => {
                Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", language)
            }
            Error::LastAdministrator => Self {
                message: sentence(language, "sentence.last_administrator"),
                ..Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", language)
            },
            Error::AccountNotFound(UserType::User) => {
                Self::new(StatusCode::NOT_FOUND, "USER_NOT_FOUND", language)
            }
            Error::AccountNotFound(UserType::Client) => {
                Self::new(StatusCode::NOT_FOUND, "CLIENT_NOT_FOUND", language)
            }
            Error::AlreadyExists { field } => Self {
                problems: Some(Cow::Owned(Problems::one(*field, Problem::Taken))),
                ..Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", language)
            },
            Error::RateLimited { retry_after } => Self {
                message: rate_limited(language, whole_seconds(*retry_after)),
                retry_after: Some(*retry_after),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", language)
            },
            Error::Overloaded | Error::Store(StoreError::Overloaded) => {
                Self::later("OVERLOADED", language)
            }
            Error::Unavailable(_) | Error::Store(StoreError::Unavailable(_)) => {
                Self::later("UNAVAILABLE", language)
            }
            Error::Internal(_)
            | Error::Store(StoreError::Query(_) | StoreError::Conflict { .. }) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL_ERROR",
                language,
            ),
        }
    }

    fn of_token(error: TokenError, language: Language) -> Self {
        let invalid = Self::refused_token("INVALID_TOKEN", language);
        match error {
            TokenError::Invalid => invalid,
            TokenError::NoPrincipal => Self {
                message: sentence(language, "sentence.no_principal"),
                ..invalid
            },
            TokenError::UnknownUserType => Self {
                message: sentence(language, "sentence.unknown_user_type"),
                ..invalid
            },
            TokenError::Expired => Self::refused_token("TOKEN_EXPIRED", language),
        }
    }
}

#[derive(Serialize)]
struct ErrorEnvelope<'a> {
    success: bool,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<BTreeMap<&'a str, Vec<Cow<'static, str>>>>,
    meta: Meta<'a>,
}

impl ApiError {
    /// An error of actix or one of its crates, by its status.
    pub(in crate::http) fn from_framework(error: &ActixError) -> Self {
        match error.as_response_error().status_code() {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            status if status.is_client_error() => Self::Service(Error::Invalid(Problems::one(
                "body",
                Problem::MalformedBody,
            ))),
            _ => Self::Internal(error.to_string()),
        }
    }

    /// The complete answer, in the language of the request. `500` and `503` are logged here, once, with the request id.
    pub(in crate::http) fn answer(&self, context: &RequestContext) -> HttpResponse {
        let view = View::of(self, context.language);
        self.log(&view, context);
        let mut answer = HttpResponse::build(view.status);
        self.add_headers(&view, context, &mut answer);
        let errors = view.problems.as_ref().map(|problems| {
            problems
                .iter()
                .map(|(field, problems)| {
                    let sentences = problems
                        .iter()
                        .map(|problem| problem.message(context.language));
                    (field, sentences.collect())
                })
                .collect()
        });
        let body = ErrorEnvelope {
            success: false,
            code: view.code,
            message: &view.message,
            errors,
            meta: Meta::of(context),
        };
        answer.json(body)
    }

    fn add_headers(
        &self,
        view: &View<'_>,
        context: &RequestContext,
        answer: &mut HttpResponseBuilder,
    ) {
        answer.insert_header((header::CONTENT_LANGUAGE, context.language.tag()));
        if view.status == StatusCode::UNAUTHORIZED {
            let challenge = if view.token_refused {
                r#"Bearer realm="api", error="invalid_token""#
            } else {
                r#"Bearer realm="api""#
            };
            answer.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Some(retry_after) = view.retry_after {
            answer.insert_header((header::RETRY_AFTER, whole_seconds(retry_after)));
        }
        if let Self::MethodNotAllowed { allow } = self
            && let Ok(allow) = HeaderValue::from_str(allow)
        {
            answer.insert_header((header::ALLOW, allow));
        }
        if let Self::RefreshOver { removal, .. } = self {
            answer.cookie(Cookie::clone(removal));
        }
    }

    fn log(&self, view: &View<'_>, context: &RequestContext) {
        let cause: &dyn fmt::Display = match self {
            Self::Service(error) | Self::RefreshOver { error, .. } => error,
            other => other,
        };
        if view.status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(request_id = context.id, error = %cause, "internal error");
        } else if view.status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(request_id = context.id, error = %cause, "unavailable");
        }
    }
}

/// Seconds, rounded up, so that the wait is never too short.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
