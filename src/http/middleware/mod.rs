//! What every request passes: request context, client address, origin checks, CORS and headers.

pub mod client_address;
pub mod context;
pub mod cors;
pub mod headers;
pub mod origin;
pub mod refusals;
