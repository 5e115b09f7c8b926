//! The refusals of Django REST framework and SimpleJWT, in their forms: a map of fields, or `detail` with or without `code`.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_LANGUAGE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use rust_i18n::t;
use serde_json::{Map, Value, json};

use crate::domain::language::Language;
use crate::http::middleware::context::{RequestContext, services_of};
use crate::http::middleware::headers::{used_up, whole_seconds};
use crate::services::Error;
use crate::store::StoreError;

/// Why a field is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldProblem {
    Required,
    Null,
    Blank,
    NotText,
    NullCharacter,
}

impl FieldProblem {
    fn key(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Null => "null_value",
            Self::Blank => "blank",
            Self::NotText => "not_text",
            Self::NullCharacter => "null_character",
        }
    }
}

/// Why a token is refused: `401` with the code `token_not_valid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenProblem {
    Invalid,
    Expired,
    Blacklisted,
    NoId,
    NoType,
    WrongType,
    /// It has no claim of this name, which is a time.
    NoClaim(String),
    /// The time in the claim of this name has passed.
    ClaimExpired(String),
}

/// A refused request.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `400`: fields in the order of their declaration.
    Fields(Vec<(String, FieldProblem)>),
    /// `400`: the body is `null`.
    NoData,
    /// `400`: the body is JSON, but no object. The name of its type in Python.
    NotAnObject(&'static str),
    /// `400`: the body is no JSON.
    Json(String),
    /// `400`: the body is no form.
    Form(String),
    /// `413`: the body is too large.
    TooLarge,
    /// `415`: no parser reads this media type.
    MediaType(String),
    /// `405`.
    Method(String),
    /// `401`: the credentials are wrong, or the account is inactive.
    Credentials,
    /// `401`: the account has a second factor, or must set one up; these routes have no second step.
    SecondFactor,
    /// `401`: the account of the token is inactive or does not exist.
    NoAccount,
    /// `401`: the token.
    Token(TokenProblem),
    /// `400`: a blacklisted token that is to be verified.
    VerifiedBlacklisted,
    /// Another error of the services: `429`, `500` or `503`.
    Service(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidCredentials => Self::Credentials,
            Error::SecondFactorRequired(_) => Self::SecondFactor,
            Error::UserInactive | Error::TokenUserNotFound => Self::NoAccount,
            Error::TokenBlacklisted | Error::TokenReused | Error::SessionRevoked => {
                Self::Token(TokenProblem::Blacklisted)
            }
            Error::Token(_) => Self::Token(TokenProblem::Invalid),
            error => Self::Service(error),
        }
    }
}

fn message(language: Language, key: &str, value: &str) -> Cow<'static, str> {
    let key = format!("simplejwt.{key}");
    t!(key, locale = language.tag(), value = value)
}

impl Refusal {
    /// The complete answer.
    pub(super) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let context = RequestContext::of(request);
        let (status, body) = self.status_and_body(context.language);
        let mut answer = HttpResponse::build(status);
        answer.insert_header((CONTENT_LANGUAGE, context.language.tag()));
        answer.insert_header((ALLOW, ALLOWED));
        if status == StatusCode::UNAUTHORIZED {
            answer.insert_header((WWW_AUTHENTICATE, challenge(request)));
        }
        match self {
            Self::Service(Error::RateLimited {
                retry_after,
                policy,
            }) => {
                for header in used_up(*retry_after, *policy) {
                    answer.insert_header(header);
                }
            }
            Self::Service(error) => {
                let request_id = &context.id;
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    answer.insert_header((RETRY_AFTER, 1));
                    tracing::warn!(request_id, %error, "unavailable");
                } else {
                    tracing::error!(request_id, %error, "internal error");
                }
            }
            _ => {}
        }
        answer.json(body)
    }

    fn status_and_body(&self, language: Language) -> (StatusCode, Value) {
        let text = |key: &str, value: &str| message(language, key, value);
        let detail = |key: &str, value: &str| json!({"detail": text(key, value)});
        let of_form = |key: &str, value: &str| json!({"non_field_errors": [text(key, value)]});
        match self {
            Self::Fields(problems) => {
                let fields = problems
                    .iter()
                    .map(|(field, problem)| (field.clone(), json!([text(problem.key(), "")])));
                (
                    StatusCode::BAD_REQUEST,
                    Value::Object(fields.collect::<Map<_, _>>()),
                )
            }
            Self::NoData => (StatusCode::BAD_REQUEST, of_form("no_data", "")),
            Self::NotAnObject(kind) => (StatusCode::BAD_REQUEST, of_form("not_an_object", kind)),
            Self::VerifiedBlacklisted => (StatusCode::BAD_REQUEST, of_form("blacklisted", "")),
            Self::Json(error) => (StatusCode::BAD_REQUEST, detail("json", error)),
            Self::Form(error) => (StatusCode::BAD_REQUEST, detail("form", error)),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, detail("too_large", "")),
            Self::MediaType(name) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                detail("media_type", name),
            ),
            Self::Method(name) => (StatusCode::METHOD_NOT_ALLOWED, detail("method", name)),
            Self::Credentials => (StatusCode::UNAUTHORIZED, detail("credentials", "")),
            Self::SecondFactor => (StatusCode::UNAUTHORIZED, detail("second_factor", "")),
            Self::NoAccount => (StatusCode::UNAUTHORIZED, detail("no_account", "")),
            Self::Token(problem) => {
                let (key, value) = problem.key_and_value();
                let body = json!({"detail": text(key, value), "code": "token_not_valid"});
                (StatusCode::UNAUTHORIZED, body)
            }
            Self::Service(Error::RateLimited { retry_after, .. }) => {
                let seconds = whole_seconds(*retry_after).to_string();
                (StatusCode::TOO_MANY_REQUESTS, detail("throttled", &seconds))
            }
            Self::Service(
                Error::Overloaded
                | Error::Unavailable(_)
                | Error::Store(StoreError::Overloaded | StoreError::Unavailable(_)),
            ) => (StatusCode::SERVICE_UNAVAILABLE, detail("unavailable", "")),
            Self::Service(_) => (StatusCode::INTERNAL_SERVER_ERROR, detail("internal", "")),
        }
    }
}

impl TokenProblem {
    fn key_and_value(&self) -> (&'static str, &str) {
        match self {
            Self::Invalid => ("invalid", ""),
            Self::Expired => ("expired", ""),
            Self::Blacklisted => ("blacklisted", ""),
            Self::NoId => ("no_id", ""),
            Self::NoType => ("no_type", ""),
            Self::WrongType => ("wrong_type", ""),
            Self::NoClaim(name) => ("no_claim", name),
            Self::ClaimExpired(name) => ("claim_expired", name),
        }
    }
}

/// The methods of every route.
pub(super) const ALLOWED: &str = "POST, OPTIONS";

/// `WWW-Authenticate` with the first scheme of the settings.
fn challenge(request: &HttpRequest) -> String {
    let services = services_of(request).ok();
    let scheme = services.as_ref().and_then(|services| {
        let types = &services.tokens.settings().auth_header_types;
        types.first().cloned()
    });
    format!("{} realm=\"api\"", scheme.as_deref().unwrap_or("Bearer"))
}
