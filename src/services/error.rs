//! Errors of the services. The API and the admin panel each translate every variant, in a `match` without a `_` arm.

use std::time::Duration;

use crate::domain::idempotency::KeyConflict;
use crate::domain::principal::UserType;
use crate::domain::problem::Problems;
use crate::domain::second_factor::{MissingProof, PendingLogin};
use crate::services::limits::quota::{Policy, Quota};
use crate::services::signing_keys::refusal::KeyRefusal;
use crate::store::{StoreError, StoreFailure};
use crate::tokens::TokenError;
use crate::worker_pool::WorkError;

/// A rejected request or a failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `400` `INVALID_REQUEST`: the input is invalid; one problem for each field.
    #[error("the input is invalid")]
    Invalid(Problems),
    /// `401` `UNAUTHORIZED`: no credentials were sent.
    #[error("no credentials")]
    Unauthorized,
    /// `400` `INVALID_LINK`: the one-time link is unknown, used, expired or revoked.
    #[error("the link is not valid")]
    InvalidLink,
    /// `404` `SELF_SERVICE_DISABLED`: the server sends no mail, or has no address for links.
    #[error("links cannot be mailed: set smtp.host, smtp.from and server.public_url")]
    SelfServiceDisabled,
    /// `401` `INVALID_CREDENTIALS`: unknown account, wrong password or inactive account.
    #[error("wrong credentials")]
    InvalidCredentials,
    /// `401` `INVALID_OTP`: the code is wrong, used, expired or unknown, or has no attempts left.
    #[error("wrong one-time code")]
    InvalidOtp,
    /// `401` `SECOND_FACTOR_REQUIRED`: the first step of the login succeeded; `403` `SECOND_FACTOR_SETUP_REQUIRED` if the account
    /// must set a second factor up to continue.
    #[error("a second factor is required")]
    SecondFactorRequired(PendingLogin),
    /// `401` `INVALID_SECOND_FACTOR`: the challenge or the proof of the second factor is wrong, used, expired or unknown.
    #[error("wrong second factor")]
    InvalidSecondFactor,
    /// `403` `REAUTHENTICATION_REQUIRED`: the last proof of the session's owner is too old. With the methods that the account can
    /// prove its second factor by; without any the password is asked for.
    #[error("the owner of the session must prove again who they are")]
    ReauthenticationRequired(MissingProof),
    /// `409` `SECOND_FACTOR_EXISTS`: the account has set this second factor up already.
    #[error("the account has this second factor already")]
    SecondFactorExists,
    /// `404` `SECOND_FACTOR_NOT_FOUND`: the account has no such second factor.
    #[error("the account has no such second factor")]
    SecondFactorNotFound,
    /// `404` `OTP_DISABLED`: one-time codes are off (`otp.delivery`).
    #[error("one-time codes are off")]
    OtpDisabled,
    /// `404` `PASSKEYS_UNAVAILABLE`: `server.public_url` does not allow passkeys.
    #[error("server.public_url does not allow passkeys")]
    PasskeysUnavailable,
    /// `401` `INVALID_TOKEN` or `TOKEN_EXPIRED`: the token itself is invalid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// `401` `TOKEN_BLACKLISTED`: the refresh token was used or revoked.
    #[error("the token is blacklisted")]
    TokenBlacklisted,
    /// `401` `TOKEN_REUSED`: the refresh token was presented again after the grace period; its session was ended.
    #[error("the refresh token was used twice")]
    TokenReused,
    /// `401` `SESSION_REVOKED`: the session of the token has ended.
    #[error("the session has ended")]
    SessionRevoked,
    /// `401` `USER_INACTIVE`: the account of the token is inactive.
    #[error("the account is inactive")]
    UserInactive,
    /// `401` `USER_NOT_FOUND`: the account of the token does not exist.
    #[error("the account of the token does not exist")]
    TokenUserNotFound,
    /// `400` `INVALID_TOKEN`: the refresh token of the logout is invalid.
    #[error("the refresh token to log out is invalid")]
    InvalidLogoutToken,
    /// `403` `FORBIDDEN`: the caller lacks the permission.
    #[error("forbidden")]
    Forbidden,
    /// `403` `CURRENT_PASSWORD_REQUIRED`: the change needs the caller's current password, and none was sent.
    #[error("the current password is required")]
    CurrentPasswordRequired,
    /// `403` `FORBIDDEN`: the last active administrator cannot be deactivated, demoted or deleted.
    #[error("the last active administrator cannot be deactivated, demoted or deleted")]
    LastAdministrator,
    /// `403` `FORBIDDEN`: in the admin panel an account cannot deactivate, demote or delete itself.
    #[error("accounts cannot deactivate, demote or delete themselves in the admin panel")]
    OwnAccount,
    /// `409` `KEY_REFUSED`: a change of the signing keys is refused; `404` `NOT_FOUND`: there is no such key.
    #[error(transparent)]
    KeyRefused(#[from] KeyRefusal),
    /// `404` `USER_NOT_FOUND` or `CLIENT_NOT_FOUND`: the account does not exist.
    #[error("no such account")]
    AccountNotFound(UserType),
    /// `404` `NOT_FOUND`: the service does not exist.
    #[error("no such service")]
    ServiceNotFound,
    /// `404` `NOT_FOUND`: the endpoint of webhooks, or the event for it, does not exist. The API has none.
    #[error("no such endpoint, or no such event for it")]
    WebhookNotFound,
    /// `400` `invalid_scope`: the service may not have one of the requested scopes.
    #[error("the service does not have one of these scopes")]
    ScopeNotGranted,
    /// `409` `ALREADY_EXISTS`: another account has this value of the field.
    #[error("another account has this {field} already")]
    AlreadyExists {
        /// The field.
        field: &'static str,
    },
    /// `422` `IDEMPOTENCY_KEY_REUSED` or `409` `IDEMPOTENCY_KEY_IN_USE`: the key stands for another request, or for one that is
    /// still running.
    #[error(transparent)]
    Idempotency(#[from] KeyConflict),
    /// `403` `FORBIDDEN`: a service changes a user whose role may change accounts, without the scope for it.
    #[error("the service may not change users whose role may change accounts")]
    RoleNeedsScope,
    /// `403` `FORBIDDEN`: a service would get scopes of the admin API that the calling one does not have.
    #[error("the service may not grant scopes of the admin API that it does not have")]
    ScopeNotOwned,
    /// `429` `RATE_LIMITED`: too many attempts or requests.
    #[error("too many requests")]
    RateLimited {
        /// The time until the next attempt is allowed.
        retry_after: Duration,
        /// The limit that is used up.
        policy: Policy,
    },
    /// `503` `OVERLOADED`: a bounded queue is full.
    #[error("a queue is full")]
    Overloaded,
    /// `503` `UNAVAILABLE`: the database or another dependency is unavailable.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// `500` `INTERNAL_ERROR`: a bug or a broken system; the text appears only in the log.
    #[error("internal error: {0}")]
    Internal(String),
    /// `503` `OVERLOADED`, `503` `UNAVAILABLE` or `500` `INTERNAL_ERROR`: an error of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// Whether a token was presented that is not accepted.
    #[must_use]
    pub fn is_refused_token(&self) -> bool {
        matches!(
            self,
            Self::Token(_)
                | Self::TokenBlacklisted
                | Self::TokenReused
                | Self::SessionRevoked
                | Self::UserInactive
                | Self::TokenUserNotFound
        )
    }
}

impl StoreFailure for Error {
    fn store_error(&self) -> Option<&StoreError> {
        if let Self::Store(error) = self {
            Some(error)
        } else {
            None
        }
    }
}

impl From<WorkError> for Error {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Overloaded => Self::Overloaded,
            WorkError::Stopped => Self::Unavailable("the server is stopping".into()),
        }
    }
}

impl From<Quota> for Error {
    fn from(used_up: Quota) -> Self {
        Self::RateLimited {
            retry_after: used_up.resets_in,
            policy: used_up.policy,
        }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}
