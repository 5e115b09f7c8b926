//! Value types without I/O. They are created by parsing, so every value is valid and need not be checked again.
//!
//! Invalid input is reported as a [`problem::Problem`].

pub mod account;
pub mod account_claims;
pub mod admin_scope;
pub mod audit;
pub mod delivery;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod idempotency;
pub mod import;
pub mod job;
pub mod language;
pub mod limits;
pub mod otp;
pub mod paging;
pub mod passkey;
pub mod password;
pub mod phone_number;
pub mod preferences;
pub mod principal;
pub mod problem;
pub mod saved_view;
pub mod second_factor;
pub mod service;
pub mod session;
pub mod signing_key;
pub mod status_index;
pub mod text;
pub mod text_enum;
pub mod webhook;
