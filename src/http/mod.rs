//! The doors for programs and browsers: the server, what every request passes, the JSON door in [`api`] and the panel in
//! `admin`.
//!
//! A handler takes extractors, makes one service call and shapes one answer. Rules live in the services.

mod admin;
pub mod api;
mod client_address;
mod connection;
mod context;
mod cookie_header;
mod cors;
mod descriptors;
mod device_token;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod headers;
pub mod metrics;
mod origin;
mod places;
mod refresh_cookie;
mod refusals;
pub mod server;
