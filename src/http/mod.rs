//! The doors for programs and browsers: the server, what every request passes, the JSON door in [`api`] and the panel in
//! `admin`.
//!
//! A handler takes extractors, makes one service call and shapes one answer. Rules live in the services.

pub mod admin;
pub mod api;
mod cookie_header;
mod device_token;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod metrics;
pub mod middleware;
mod refresh_cookie;
pub mod server;
