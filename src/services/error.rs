//! What can be refused or go wrong, in the words of the business. Each door translates every variant, without a default.

use std::time::Duration;

use crate::{
    domain::{principal::UserType, problem::Problems},
    services::passwords::error::HashError,
    store::{StoreError, StoreFailure},
    tokens::TokenError,
};

/// Which population's account was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// An internal user.
    User,
    /// An external client.
    Client,
}

impl Missing {
    /// An account of this population.
    #[must_use]
    pub fn of(user_type: UserType) -> Self {
        match user_type {
            UserType::User => Self::User,
            UserType::Client => Self::Client,
        }
    }
}

/// A refusal or a failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `400` `INVALID_REQUEST` — what was sent is wrong, field by field.
    #[error("the input is invalid")]
    Invalid(Problems),
    /// `401` `UNAUTHORIZED` — no credentials were sent.
    #[error("no credentials")]
    Unauthorized,
    /// `401` `INVALID_CREDENTIALS` — unknown, wrong and inactive are one answer.
    #[error("wrong credentials")]
    InvalidCredentials,
    /// `401` `INVALID_OTP` — wrong, used, expired, unknown and too often tried are one answer.
    #[error("wrong one-time code")]
    InvalidOtp,
    /// `401` `INVALID_TOKEN` or `TOKEN_EXPIRED` — the token itself is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// `401` `TOKEN_BLACKLISTED` — the refresh token was used or revoked.
    #[error("the token is blacklisted")]
    TokenBlacklisted,
    /// `401` `TOKEN_REUSED` — the refresh token came again long after it was used; its session has been ended.
    #[error("the refresh token was used twice")]
    TokenReused,
    /// `401` `SESSION_REVOKED` — the token's session has ended.
    #[error("the session has ended")]
    SessionRevoked,
    /// `401` `USER_INACTIVE` — the token's account is inactive.
    #[error("the account is inactive")]
    UserInactive,
    /// `401` `USER_NOT_FOUND` — the token's account does not exist.
    #[error("the token's account does not exist")]
    TokenUserNotFound,
    /// `400` `INVALID_TOKEN` — the refresh token handed to the log-out is none.
    #[error("the refresh token to log out is invalid")]
    InvalidLogoutToken,
    /// `403` `FORBIDDEN` — the caller may not do this.
    #[error("forbidden")]
    Forbidden,
    /// `403` `FORBIDDEN` — the last administrator stays one.
    #[error("the last active administrator cannot be deactivated, demoted or deleted")]
    LastAdministrator,
    /// `403` `FORBIDDEN` — in the panel nobody takes away his own rights.
    #[error("nobody can deactivate, demote or delete himself here")]
    OwnAccount,
    /// `404` `USER_NOT_FOUND` or `CLIENT_NOT_FOUND` — no such account.
    #[error("no such account")]
    AccountNotFound(Missing),
    /// `409` `ALREADY_EXISTS` — another account has this value of the field.
    #[error("another account has this {field} already")]
    AlreadyExists {
        /// The field.
        field: &'static str,
    },
    /// `429` `RATE_LIMITED` — too often; how long to wait.
    #[error("too many requests")]
    RateLimited {
        /// How long until the next try is heard.
        retry_after: Duration,
    },
    /// `503` `OVERLOADED` — a bounded queue is full.
    #[error("too much work is waiting")]
    Overloaded,
    /// `503` `UNAVAILABLE` — the database, or another part we stand on, is away.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// `500` `INTERNAL_ERROR` — a fault of this program; its text is for the log alone.
    #[error("internal error: {0}")]
    Internal(String),
    /// A failure of the store, sorted into the three above at the door.
    #[error(transparent)]
    Store(#[from] StoreError),
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

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded => Self::Overloaded,
            HashError::Stopped => Self::Unavailable("the server is stopping".into()),
        }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}
