//! The door for browsers and programs: the server, what every request passes, and the JSON door in [`api`].
//!
//! A handler takes extractors, makes one service call and shapes one answer. Rules live in the services.

pub mod api;
mod client_address;
mod context;
pub mod server;
