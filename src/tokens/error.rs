//! Why a token is rejected. API clients get a [`TokenError`]; administrators see the exact [`TokenDefect`].

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm,
    errors::{Error, ErrorKind},
};
use serde_json::{Map, Value};

use crate::clock::Timestamp;

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
    /// The header names this algorithm, which is not the configured one.
    Algorithm(String),
    /// Signed with another key, or modified.
    Signature,
    /// The header has a `crit` parameter, or a `typ` other than `JWT`.
    Unsupported(&'static str),
    /// The `kid` of the header is not the id of the signing key.
    Key,
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
                | Self::Key
                | Self::Claim(_)
                | Self::Subject
                | Self::Issuer
                | Self::Audience
                | Self::NoPrincipal
                | Self::UnknownUserType
                | Self::Type
                | Self::NotYetValid(_)
                | Self::Expired(_)
        )
    }
}

impl TokenDefect {
    /// Whether the token is that of another server: a JWT, but not signed with this key.
    #[must_use]
    pub fn is_of_another_key(&self) -> bool {
        matches!(self, Self::Algorithm(_) | Self::Signature)
    }
}

impl From<TokenDefect> for TokenError {
    fn from(defect: TokenDefect) -> Self {
        match defect {
            TokenDefect::NoPrincipal => Self::NoPrincipal,
            TokenDefect::UnknownUserType => Self::UnknownUserType,
            TokenDefect::Expired(_) => Self::Expired,
            _ => Self::Invalid,
        }
    }
}

/// Determines the defect of a token that the library rejected with `error`.
pub(super) fn defect_from_library(token: &str, expected: Algorithm, error: &Error) -> TokenDefect {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _] = parts.as_slice() else {
        return TokenDefect::Parts(parts.len());
    };
    let Some(header) = json_object(header) else {
        return TokenDefect::Header;
    };
    match header.get("alg") {
        Some(Value::String(name)) if *name != format!("{expected:?}") => {
            return TokenDefect::Algorithm(name.clone());
        }
        Some(Value::String(_)) => {}
        _ => return TokenDefect::Header,
    }
    if json_object(claims).is_none() {
        return TokenDefect::Claims;
    }
    let signed_by_another = matches!(
        error.kind(),
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm
    );
    // A header parameter may have a type that the library does not accept.
    if !signed_by_another && jsonwebtoken::decode_header(token).is_err() {
        TokenDefect::Header
    } else {
        TokenDefect::Signature
    }
}

/// Decodes a part of a token.
pub(super) fn json_object(part: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}
