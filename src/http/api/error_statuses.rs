//! Status and code of each error of the services. The `match` has no `_` arm.

use actix_web::http::StatusCode;

use crate::domain::idempotency::KeyConflict;
use crate::domain::principal::UserType;
use crate::services::Error;
use crate::services::signing_keys::refusal::KeyRefusal;
use crate::store::StoreError;
use crate::tokens::TokenError;

/// The status and the code of an error.
pub(super) fn of_service(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::Invalid(_) | Error::ScopeNotGranted => (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
        Error::InvalidLink => (StatusCode::BAD_REQUEST, "INVALID_LINK"),
        Error::SelfServiceDisabled => (StatusCode::NOT_FOUND, "SELF_SERVICE_DISABLED"),
        Error::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        Error::InvalidCredentials => (StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS"),
        Error::InvalidOtp => (StatusCode::UNAUTHORIZED, "INVALID_OTP"),
        Error::SecondFactorRequired(pending) if pending.is_set_up => {
            (StatusCode::FORBIDDEN, "SECOND_FACTOR_SETUP_REQUIRED")
        }
        Error::SecondFactorRequired(_) => (StatusCode::UNAUTHORIZED, "SECOND_FACTOR_REQUIRED"),
        Error::InvalidSecondFactor => (StatusCode::UNAUTHORIZED, "INVALID_SECOND_FACTOR"),
        Error::ReauthenticationRequired(_) => (StatusCode::FORBIDDEN, "REAUTHENTICATION_REQUIRED"),
        Error::SecondFactorExists => (StatusCode::CONFLICT, "SECOND_FACTOR_EXISTS"),
        Error::SecondFactorNotFound => (StatusCode::NOT_FOUND, "SECOND_FACTOR_NOT_FOUND"),
        Error::OtpDisabled => (StatusCode::NOT_FOUND, "OTP_DISABLED"),
        Error::PasskeysUnavailable => (StatusCode::NOT_FOUND, "PASSKEYS_UNAVAILABLE"),
        Error::Token(TokenError::Expired) => (StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED"),
        Error::Token(
            TokenError::Invalid
            | TokenError::NoPrincipal
            | TokenError::UnknownUserType
            | TokenError::OtherOwner,
        ) => (StatusCode::UNAUTHORIZED, "INVALID_TOKEN"),
        Error::TokenBlacklisted => (StatusCode::UNAUTHORIZED, "TOKEN_BLACKLISTED"),
        Error::TokenReused => (StatusCode::UNAUTHORIZED, "TOKEN_REUSED"),
        Error::SessionRevoked => (StatusCode::UNAUTHORIZED, "SESSION_REVOKED"),
        Error::UserInactive => (StatusCode::UNAUTHORIZED, "USER_INACTIVE"),
        Error::TokenUserNotFound => (StatusCode::UNAUTHORIZED, "USER_NOT_FOUND"),
        Error::InvalidLogoutToken => (StatusCode::BAD_REQUEST, "INVALID_TOKEN"),
        // `OwnAccount` is a rule of the admin panel and does not occur here.
        Error::Forbidden
        | Error::OwnAccount
        | Error::RoleNeedsScope
        | Error::ScopeNotOwned
        | Error::LastAdministrator => (StatusCode::FORBIDDEN, "FORBIDDEN"),
        Error::KeyRefused(KeyRefusal::NotFound(_))
        | Error::ServiceNotFound
        | Error::WebhookNotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Error::KeyRefused(_) => (StatusCode::CONFLICT, "KEY_REFUSED"),
        Error::Idempotency(KeyConflict::InUse) => (StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_USE"),
        Error::Idempotency(KeyConflict::Reused) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED")
        }
        Error::CurrentPasswordRequired => (StatusCode::FORBIDDEN, "CURRENT_PASSWORD_REQUIRED"),
        Error::AccountNotFound(UserType::User) => (StatusCode::NOT_FOUND, "USER_NOT_FOUND"),
        Error::AccountNotFound(UserType::Client) => (StatusCode::NOT_FOUND, "CLIENT_NOT_FOUND"),
        Error::AlreadyExists { .. } => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
        Error::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
        Error::Overloaded | Error::Store(StoreError::Overloaded) => {
            (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED")
        }
        Error::Unavailable(_) | Error::Store(StoreError::Unavailable(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
        }
        Error::Internal(_) | Error::Store(StoreError::Query(_) | StoreError::Conflict { .. }) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR")
        }
    }
}
