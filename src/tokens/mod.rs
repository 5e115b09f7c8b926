//! Tokens: claims, signing key, issuing and verifying. Pure computation without database or clock. Whether a verified token
//! was revoked is checked by the services.

mod cache;
mod claims;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod jwt;
mod keys;
mod strength;

pub use crate::tokens::{
    claims::{Claims, TokenType},
    error::{TokenDefect, TokenError},
    jwt::{Issued, MAX_LENGTH, Part, Tokens, readable_parts, unverified_parts},
    keys::{KeyError, SigningKey, algorithm},
    strength::{KeyStrength, Weakness},
};
