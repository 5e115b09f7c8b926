//! What applies to every request, whichever interface it is for: request context, client address, origin checks, CORS,
//! headers. It imports neither the API nor the admin panel.

pub mod accept;
pub mod client_address;
pub mod context;
pub mod headers;
pub mod origin;
pub mod path_prefix;
pub mod refused_access;
