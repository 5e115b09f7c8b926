//! What exactly is wrong with a token: for a person who looks into one. Callers of the API get a [`TokenError`] only, which
//! tells a forger nothing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm,
    errors::{Error, ErrorKind},
};
use serde_json::{Map, Value};

use crate::{clock::Timestamp, tokens::TokenError};

/// The first reason why a token is refused, in the order in which it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenDefect {
    /// Longer than any token of ours.
    TooLong,
    /// Not three parts with dots between them, but so many.
    Parts(usize),
    /// The header is not base64url of a JSON object with the fields of a JWT's header.
    Header,
    /// The claims are not base64url of a JSON object.
    Claims,
    /// Another algorithm than ours: it names this one.
    Algorithm(String),
    /// Our key did not sign it, or something was changed since.
    Signature,
    /// The header demands something that we do not do: a `crit`, or another `typ`.
    Unsupported(&'static str),
    /// The header names another key than ours.
    Key,
    /// A claim is missing or holds what it cannot hold.
    Claim(String),
    /// The claim `sub` names another account than the others do.
    Subject,
    /// Issued by somebody else.
    Issuer,
    /// Meant for somebody else.
    Audience,
    /// It says nothing about whose it is.
    NoPrincipal,
    /// It names a population that does not exist.
    UnknownUserType,
    /// Good for something else than it was shown for.
    Type,
    /// It is good from then on only.
    NotYetValid(Timestamp),
    /// It was good until then.
    Expired(Timestamp),
}

impl TokenDefect {
    /// Whether the token bears our signature all the same: it was ours once, and is no invention.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        match self {
            Self::TooLong
            | Self::Parts(_)
            | Self::Header
            | Self::Claims
            | Self::Algorithm(_)
            | Self::Signature => false,
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
            | Self::Expired(_) => true,
        }
    }
}

impl From<TokenDefect> for TokenError {
    fn from(fault: TokenDefect) -> Self {
        match fault {
            TokenDefect::NoPrincipal => Self::NoPrincipal,
            TokenDefect::UnknownUserType => Self::UnknownUserType,
            TokenDefect::Expired(_) => Self::Expired,
            _ => Self::Invalid,
        }
    }
}

/// What the library found wrong with a token, told more exactly.
pub(super) fn of_library(token: &str, ours: Algorithm, error: &Error) -> TokenDefect {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _] = parts.as_slice() else {
        return TokenDefect::Parts(parts.len());
    };
    let Some(header) = object(header) else {
        return TokenDefect::Header;
    };
    match header.get("alg") {
        Some(Value::String(name)) if *name != format!("{ours:?}") => {
            return TokenDefect::Algorithm(name.clone());
        }
        Some(Value::String(_)) => {}
        _ => return TokenDefect::Header,
    }
    if object(claims).is_none() {
        return TokenDefect::Claims;
    }
    let signed_by_another = matches!(
        error.kind(),
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm
    );
    // A field of the header may be of another type than the library reads.
    if !signed_by_another && jsonwebtoken::decode_header(token).is_err() {
        TokenDefect::Header
    } else {
        TokenDefect::Signature
    }
}

/// A part of a token as the JSON object that it holds.
pub(super) fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}
