//! Tests of the forms of errors, over every code.

use std::{collections::BTreeSet, time::Duration};

use actix_web::{HttpResponse, body::MessageBody};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::idempotency::KeyConflict;
use crate::domain::language::Language;
use crate::domain::principal::UserType;
use crate::domain::problem::{Problem, Problems};
use crate::domain::second_factor::{MissingProof, PendingLogin, SecondFactorMethod};
use crate::http::api::errors::ApiError;
use crate::http::middleware::accept::ErrorForm;
use crate::http::middleware::context::RequestContext;
use crate::services::Error;
use crate::services::limits::quota::Policy;
use crate::services::signing_keys::refusal::KeyRefusal;
use crate::tokens::TokenError;

fn pending(is_set_up: bool) -> PendingLogin {
    PendingLogin {
        challenge_id: "a challenge".into(),
        methods: vec![SecondFactorMethod::Totp],
        expires_in: Duration::from_mins(5),
        is_set_up,
        passkey: None,
    }
}

/// An error for each code.
fn errors() -> Vec<ApiError> {
    let services = [
        Error::Invalid(Problems::one("name", Problem::Required)),
        Error::InvalidLogoutToken,
        Error::Unauthorized,
        Error::InvalidCredentials,
        Error::InvalidOtp,
        Error::SecondFactorRequired(pending(false)),
        Error::SecondFactorRequired(pending(true)),
        Error::InvalidSecondFactor,
        Error::ReauthenticationRequired(MissingProof::default()),
        Error::SecondFactorExists,
        Error::SecondFactorNotFound,
        TokenError::Invalid.into(),
        TokenError::NoPrincipal.into(),
        TokenError::UnknownUserType.into(),
        TokenError::Expired.into(),
        Error::TokenBlacklisted,
        Error::TokenReused,
        Error::SessionRevoked,
        Error::UserInactive,
        Error::TokenUserNotFound,
        Error::CurrentPasswordRequired,
        Error::Forbidden,
        Error::LastAdministrator,
        Error::OtpDisabled,
        Error::InvalidLink,
        Error::SelfServiceDisabled,
        Error::PasskeysUnavailable,
        Error::RoleNeedsScope,
        Error::ScopeNotOwned,
        KeyRefusal::NotFound("a key".into()).into(),
        KeyRefusal::Active.into(),
        KeyConflict::InUse.into(),
        KeyConflict::Reused.into(),
        Error::AccountNotFound(UserType::User),
        Error::AccountNotFound(UserType::Client),
        Error::AlreadyExists { field: "email" },
        Error::RateLimited {
            retry_after: Duration::from_secs(7),
            policy: Policy {
                name: "addresses",
                quota: 20,
                window: Duration::from_mins(15),
            },
        },
        Error::Internal("a secret".into()),
        Error::Overloaded,
        Error::Unavailable("a secret".into()),
    ];
    let of_http = [
        ApiError::NotFound,
        ApiError::NoIssuer,
        ApiError::MethodNotAllowed {
            allow: "GET".into(),
        },
        ApiError::PayloadTooLarge,
        ApiError::UnsupportedMediaType,
        ApiError::RefreshTokenRequired(Problems::one("refresh", Problem::Required)),
        ApiError::ConditionNotMet,
        ApiError::ScopeMissing("admin:locks:read"),
        ApiError::TooSlow,
    ];
    let services = services.into_iter().map(ApiError::from);
    services.chain(of_http).collect()
}

fn answered(error: &ApiError, form: ErrorForm) -> (HttpResponse<()>, Value) {
    let mut context = RequestContext::new(Timestamp::EPOCH, Language::En);
    context.error_form = form;
    let (head, body) = error.answer(&context).into_parts();
    let body = body.try_into_bytes().unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}

#[test]
fn both_forms_of_every_code_say_the_same() {
    let mut codes = BTreeSet::new();
    for error in errors() {
        let (head, envelope) = answered(&error, ErrorForm::Envelope);
        let explanations = "https://x.example/docs".to_owned();
        let (problem_head, problem) = answered(&error, ErrorForm::Problem { explanations });
        let code = envelope["code"].as_str().unwrap();
        assert_eq!(head.status(), problem_head.status(), "{code}");
        assert_eq!(problem["status"], head.status().as_u16(), "{code}");
        assert_eq!(problem["code"], code);
        assert_eq!(problem["type"], format!("https://x.example/docs#{code}"));
        assert_eq!(problem["detail"], envelope["message"], "{code}");
        assert_eq!(problem.get("errors"), envelope.get("errors"), "{code}");
        assert!(
            problem["title"]
                .as_str()
                .is_some_and(|title| title.len() > 3)
        );
        assert!(
            problem["instance"]
                .as_str()
                .is_some_and(|id| id.len() == 32)
        );
        let content_type = |head: &HttpResponse<()>| head.headers().get("content-type").cloned();
        assert_eq!(content_type(&head).unwrap(), "application/json");
        let problem_type = content_type(&problem_head).unwrap();
        assert_eq!(problem_type, "application/problem+json");
        for name in [
            "www-authenticate",
            "retry-after",
            "allow",
            "vary",
            "content-language",
        ] {
            let of = |head: &HttpResponse<()>| head.headers().get(name).cloned();
            assert_eq!(of(&head), of(&problem_head), "{code} {name}");
        }
        assert_eq!(head.headers().get("vary").unwrap(), "Accept");
        assert!(!problem.to_string().contains("a secret"), "{code}");
        codes.insert((head.status().as_u16(), code.to_owned()));
    }
    assert_eq!(codes, documented());
}

/// The statuses and codes of the table in `docs/api.md`.
fn documented() -> BTreeSet<(u16, String)> {
    let rows = include_str!("../../../docs/api.md").lines();
    let rows = rows.filter_map(|line| line.strip_prefix("| `")?.split_once("` | `"));
    rows.filter_map(|(status, rest)| Some((status.parse().ok()?, rest.split(" | ").next()?)))
        .flat_map(|(status, codes): (u16, &str)| {
            let codes = codes.split(", ").map(|code| code.replace('`', ""));
            codes.map(move |code| (status, code))
        })
        .collect()
}
