//! The HTTP server, the JSON API and the admin panel.
//!
//! [`app`] puts the routes of the interfaces and the middleware together and runs them in `server`. A handler takes
//! extractors, makes one service call and returns one answer. The rules are in the services.

mod access_log;
pub mod admin;
pub mod api;
pub mod app;
mod cookie_header;
mod device_token;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod lazy_routes;
pub mod metrics;
pub mod middleware;
pub mod openapi;
mod pipeline;
mod refresh_cookie;
mod request_body;
mod request_trace;
mod self_service;
mod server;
pub mod tls;
mod worker;
