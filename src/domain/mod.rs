//! The values of the house, without any I/O, built only by parsing: what exists is valid.
//!
//! A function that takes an [`account::Email`] need not check it again. What is wrong with an input is said as
//! [`problem::Problem`]s, which the doors translate.

pub mod account;
pub mod audit;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod job;
pub mod language;
pub mod limits;
pub mod otp;
pub mod paging;
pub mod password;
pub mod preferences;
pub mod principal;
pub mod problem;
pub mod session;
pub mod text;
pub mod text_enum;
