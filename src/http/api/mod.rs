//! The JSON API: `routes` has every endpoint, then one file for each noun. `input` and `inputs` declare what endpoints read,
//! `body` and `query` read it, `answer` and `errors` are the envelope.

mod account;
mod answer;
mod auth;
pub mod body;
mod callers;
mod client_users;
pub mod endpoint;
pub mod errors;
pub mod fallback;
#[cfg(any(test, fuzzing))]
pub(in crate::http) mod fuzzing;
mod health;
pub mod input;
mod inputs;
mod me;
mod otp;
mod path;
mod query;
mod refresh_transport;
pub mod routes;
mod sessions;
mod users;
