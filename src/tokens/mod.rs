//! Tokens: claims, signing key, issuing and verifying. Pure computation without database or clock. Whether a verified token
//! was revoked is checked by the services.

mod cache;
mod claims;
mod derivation;
mod django;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod issuing;
mod jwt;
pub(crate) mod key_file;
mod key_ring;
mod keys;
mod master_key;
mod service_claims;
mod signer;
pub mod status_list;
mod strength;
mod verifying_key;

pub use crate::tokens::{
    claims::{Claims, TokenType},
    django::{DjangoClaims, DjangoKey},
    error::{TokenDefect, TokenError},
    issuing::{Issued, TokenService, TokenSession},
    jwt::{MAX_LENGTH, Part, Tokens, readable_parts, unverified_parts},
    key_ring::KeyRing,
    keys::{KeyError, SigningKey},
    master_key::{MasterKey, MasterKeyError, MasterKeys, NotOpened},
    service_claims::ServiceClaims,
    signer::KeyDefect,
    strength::{KeyStrength, Weakness},
    verifying_key::VerifyingKey,
};
