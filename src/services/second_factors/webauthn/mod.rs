//! Verification of passkeys: Web Authentication level 2 (W3C), sections 7.1 and 7.2, with the JSON forms of level 3.
//!
//! No I/O. Attestation is not requested, and an attestation statement is not trusted. User verification is required.

pub mod assertion;
mod authenticator_data;
mod cbor;
mod client_data;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod options;
mod public_key;
pub mod refusal;
pub mod registration;
pub mod relying_party;
