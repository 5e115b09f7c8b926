//! The JSON API: `routes` has every endpoint, then one file for each noun. `input` and `inputs` declare what endpoints read,
//! `body` and `query` read it, `answer` and `errors` are the envelope.

mod account;
mod account_filter;
pub(in crate::http) mod admin;
pub(in crate::http) mod answer;
mod auth;
pub mod body;
mod callers;
mod client_users;
pub mod codes;
pub mod endpoint;
mod error_data;
mod error_statuses;
#[cfg(test)]
mod error_tests;
pub mod errors;
pub mod fallback;
mod forward;
#[cfg(any(test, fuzzing))]
pub(in crate::http) mod fuzzing;
mod health;
pub mod input;
pub(in crate::http) mod inputs;
pub(in crate::http) mod links;
mod me;
mod oauth;
mod oauth_client;
pub(in crate::http) mod oauth_error;
mod openapi;
mod otp;
mod passkeys;
mod path;
mod query;
mod refresh_transport;
mod revocations;
pub mod routes;
mod second_factors;
mod self_service;
mod sessions;
pub(in crate::http) mod simplejwt;
mod status_lists;
mod token_answers;
mod users;
mod well_known;
