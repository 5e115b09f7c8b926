//! Why a token is rejected. API clients get a [`TokenError`]; administrators see the exact [`TokenDefect`].

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::config::Algorithm;

/// Why a token is rejected, as far as API clients are informed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Malformed, wrong signature or algorithm, wrong type, or invalid claims.
    #[error("the token is invalid")]
    Invalid,
    /// The token does not name an account.
    #[error("the token does not name an account")]
    NoPrincipal,
    /// `user_type` is unknown. Its value is not repeated.
    #[error("the token names an unknown user type")]
    UnknownUserType,
    /// The token is one of a service where one of an account is required, or the other way round.
    #[error("the token is an access token of a service, which has no account")]
    OtherOwner,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
}

/// The first problem found in a token. The variants are in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenDefect {
    /// Longer than [`crate::tokens::MAX_LENGTH`].
    TooLong,
    /// The number of parts is not three.
    Parts(usize),
    /// The header is not a base64url-encoded JWT header.
    Header,
    /// The claims are not a base64url-encoded JSON object.
    Claims,
    /// The `kid` of the header is not the id of one of this server's keys.
    Key,
    /// The header names this algorithm, which is not that of the key.
    Algorithm(String),
    /// Signed with another key, or modified.
    Signature,
    /// The header has a `crit` parameter, or a `typ` other than that of its tokens.
    Unsupported(&'static str),
    /// This claim is missing or has an invalid value.
    Claim(String),
    /// `sub` contradicts `user_type` and the account number.
    Subject,
    /// `iss` is not the configured issuer.
    Issuer,
    /// `aud` contains none of the configured values.
    Audience,
    /// `user_type` or the account number is missing.
    NoPrincipal,
    /// `user_type` is unknown.
    UnknownUserType,
    /// The token is one of a service.
    OfService,
    /// The token is not one of a service.
    OfAccount,
    /// `token_type` is not the expected one.
    Type,
    /// Not valid before this time.
    NotYetValid(Timestamp),
    /// Expired at this time.
    Expired(Timestamp),
}

impl TokenDefect {
    /// Whether the signature is valid, so that the token was issued by this server in spite of the defect.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        matches!(
            self,
            Self::Unsupported(_)
                | Self::Claim(_)
                | Self::Subject
                | Self::Issuer
                | Self::Audience
                | Self::NoPrincipal
                | Self::UnknownUserType
                | Self::OfService
                | Self::OfAccount
                | Self::Type
                | Self::NotYetValid(_)
                | Self::Expired(_)
        )
    }
}

impl TokenDefect {
    /// Whether the token is that of another server: a JWT, but not signed with a key of this server.
    #[must_use]
    pub fn is_of_another_key(&self) -> bool {
        matches!(self, Self::Key | Self::Algorithm(_) | Self::Signature)
    }
}

impl From<TokenDefect> for TokenError {
    fn from(defect: TokenDefect) -> Self {
        match defect {
            TokenDefect::NoPrincipal => Self::NoPrincipal,
            TokenDefect::UnknownUserType => Self::UnknownUserType,
            TokenDefect::OfService | TokenDefect::OfAccount => Self::OtherOwner,
            TokenDefect::Expired(_) => Self::Expired,
            _ => Self::Invalid,
        }
    }
}

/// The defect of a token whose header the library cannot decode.
pub(super) fn undecodable(token: &str) -> TokenDefect {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, _, _] = parts.as_slice() else {
        return TokenDefect::Parts(parts.len());
    };
    match json_object(header).as_ref().and_then(|all| all.get("alg")) {
        Some(Value::String(name)) if Algorithm::from_word(name).is_none() => {
            TokenDefect::Algorithm(name.clone())
        }
        _ => TokenDefect::Header,
    }
}

/// The defect of a token with a readable header that a key does not verify.
pub(super) fn unverified(token: &str) -> TokenDefect {
    match token.split('.').nth(1).and_then(json_object) {
        Some(_) => TokenDefect::Signature,
        None => TokenDefect::Claims,
    }
}

/// Decodes a part of a token.
pub(super) fn json_object(part: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}
